package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net"
	"os"
	"slices"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/website"
	"fundpass/miniapp-api/website/oidc"
	"fundpass/miniapp-api/website/oidc/oidcsim"
)

// The files that describe the issuer, as an operator writes them.
const (
	issuerFile       = "oidc.json"
	issuerSecretFile = "oidc.secret"
)

// issuerTypes are the issuer's document types by the centre's codes.
var issuerTypes = map[string]string{document.Citizen: "10", document.Passport: "11"}

// startIssuer serves the sign-on of a province at an address of its own, at which every person of
// the demo has an account.
func (d *demo) startIssuer(context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := oidc.Settings{
		Name: "模拟省统一身份认证平台", Issuer: "http://" + l.Addr().String(), ClientID: "fund-hall", SecretFile: issuerSecretFile,
		Claims:  oidc.Claims{Name: "name", IDType: "id_type", IDNumber: "id_number"},
		IDTypes: map[string]string{}, Require: map[string][]string{"level": {"L3"}},
	}
	for code, theirs := range issuerTypes {
		s.IDTypes[theirs] = code
	}
	secret := rand.Text()
	sim, err := oidcsim.New(oidcsim.Config{
		Issuer: s.Issuer, Name: s.Name, ClientID: s.ClientID, ClientSecret: secret, RedirectURL: d.websiteURL() + website.IssuerBack, People: issuerPeople(),
	})
	if err != nil {
		return err
	}
	if err := d.writeIssuer(s, secret); err != nil {
		return err
	}
	d.issuerURL = s.Issuer
	server := httpapi.HTTPServer(sim.Handler(), terminal.NewLog(d.log, "demo"))
	go server.Serve(l) // ends with Close
	d.addCleanup(server.Close)
	return nil
}

// writeIssuer writes the files. Address and secret are new at each start.
func (d *demo) writeIssuer(s oidc.Settings, secret string) error {
	description, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{issuerFile: description, issuerSecretFile: []byte(secret)} {
		if err := os.WriteFile(d.dataDir.path(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// issuerPeople returns the accounts at the issuer: everybody once, and verified unless the person
// is not certified at Alipay either.
func issuerPeople() []oidcsim.Person {
	var all []oidcsim.Person
	for _, s := range stories {
		p := s.person()
		known := slices.ContainsFunc(all, func(o oidcsim.Person) bool { return o.IDNumber == p.IDNumber })
		if known || issuerTypes[p.IDType] == "" {
			continue
		}
		level := "L3"
		if !p.Certified {
			level = "L1"
		}
		all = append(all, oidcsim.Person{Login: s.key, Name: p.Name, IDType: issuerTypes[p.IDType], IDNumber: p.IDNumber, Level: level})
	}
	return all
}
