package signing_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log"
	"net/url"
	"time"

	"fundpass/keys"
	"fundpass/signing"
)

// An application signs a request with its private key. The public key verifies it.
func ExampleSign() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	request := url.Values{
		"app_id":    {"2021000000000001"},
		"method":    {"alipay.system.oauth.token"},
		"charset":   {"UTF-8"},
		"sign_type": {"RSA2"},
		"code":      {"4b203fe6c11548bcabd8da5bb087a83b"},
		"scope":     {""}, // empty parameters of a request are not signed
	}
	text, err := signing.Canonical(request, signing.Request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
	signature, err := signing.Sign(key, text)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signing.Verify(&key.PublicKey, text, signature))
	fmt.Println(signing.Verify(&key.PublicKey, text+"&code=another", signature))
	// Output:
	// app_id=2021000000000001&charset=UTF-8&code=4b203fe6c11548bcabd8da5bb087a83b&method=alipay.system.oauth.token&sign_type=RSA2
	// <nil>
	// signing: bad signature
}

// A notification is accepted if a key of Alipay's signed it for this application. Fresh
// checks its age.
func ExampleVerifyNotification() {
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	alipay, err := rsa.GenerateKey(rand.Reader, 2048) // Alipay's private key
	if err != nil {
		log.Fatal(err)
	}
	keyring, err := keys.NewAlipayKeyring("2021000000000001", own, []keys.AlipayKey{{Public: &alipay.PublicKey}})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	notice := url.Values{
		"app_id":        {"2021000000000001"},
		"notify_id":     {"2026030100222120000000001"},
		"msg_method":    {"alipay.open.auth.userauth.cancelled"},
		"utc_timestamp": {fmt.Sprint(now.UnixMilli())},
		"version":       {"1.1"},
		"charset":       {"UTF-8"},
		"biz_content":   {`{"user_id":"2088000000000001"}`},
		"sign_type":     {"RSA2"},
	}
	text, err := signing.Canonical(notice, signing.NotifyV1)
	if err != nil {
		log.Fatal(err)
	}
	signature, err := signing.Sign(alipay, text)
	if err != nil {
		log.Fatal(err)
	}
	notice.Set("sign", signature)

	const form = "application/x-www-form-urlencoded"
	n, err := signing.VerifyNotification(keyring, []byte(notice.Encode()), form)
	fmt.Println(n.Method, n.NotifyID, err, n.Fresh(now.Add(time.Hour)))

	notice.Set("biz_content", `{"user_id":"2088000000000002"}`)
	_, err = signing.VerifyNotification(keyring, []byte(notice.Encode()), form)
	fmt.Println(err)
	// Output:
	// alipay.open.auth.userauth.cancelled 2026030100222120000000001 <nil> <nil>
	// signing: message rejected: signing: bad signature
}
