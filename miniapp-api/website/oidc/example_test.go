package oidc_test

import (
	"fmt"

	"fundpass/miniapp-api/website/oidc"
)

// A centre describes its issuer in a file.
func ExampleParseSettings() {
	s, err := oidc.ParseSettings([]byte(`{
	  "name": "广东省统一身份认证平台",
	  "issuer": "https://id.example.gov.cn",
	  "client_id": "fund-hall",
	  "client_secret_file": "oidc.secret",
	  "scopes": ["profile"],
	  "claims": {"name": "name", "id_number": "cert_no"},
	  "id_types": {"": "01"},
	  "require": {"auth_level": ["L2", "L3"]}
	}`))
	fmt.Println(s.Issuer, s.IDTypes, err)
	_, err = oidc.ParseSettings([]byte(`{"name": "省平台", "issuer": "http://id.example.gov.cn"}`))
	fmt.Println(err)
	// Output:
	// https://id.example.gov.cn map[:01] <nil>
	// oidc: settings: issuer is not https; plain http is allowed only for a simulator on this machine
	// client_id is missing
	// client_secret_file is missing
	// claims need name and id_number
	// id_types is empty
}
