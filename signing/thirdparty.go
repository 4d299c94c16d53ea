package signing

import (
	"encoding/json"
	"fmt"

	"fundpass/keys"
)

// A third-party application (第三方应用) serves the mini-programs of several centres that are made
// from one template. Alipay posts the messages of all of them to its one gateway address:
//
//	app_id       the receiver, i.e. the third-party application
//	auth_app_id  the mini-program that the message concerns
//
// Messages of version 1.1 are documented without auth_app_id; their biz_content names the
// mini-program. Source: Alipay open platform, "plugin authorisation", whose message has both.

// MessageAppID returns the id of the application that a message of Alipay's concerns: the
// mini-program, or the third-party application if the message concerns no mini-program, such as a
// gateway check. message is the body of a POST, or the query of a GET. The result is not verified:
// it only tells whose keyring must verify the message. Errors: ErrMalformed, ErrDuplicateKey.
func MessageAppID(message []byte) (string, error) {
	var f form
	if err := f.parse(message); err != nil {
		return "", err
	}
	return f.concerns()
}

// concerns returns the application id that MessageAppID describes.
func (f *form) concerns() (string, error) {
	for _, name := range []string{"auth_app_id", "biz_app_id"} {
		if id, ok := f.get(name); ok {
			return id, nil
		}
	}
	id, _ := f.get("app_id")
	raw, ok := f.get("biz_content")
	label, _ := f.get("charset")
	charset, _ := knownCharset(label)
	content, readable := toUTF8(raw, charset)
	if ok && readable {
		if named := appInContent(content); named != "" {
			id = named
		}
	}
	if !isIdentifier(id) {
		return "", fmt.Errorf("%w: no application id", ErrMalformed)
	}
	return id, nil
}

// appInContent returns the application id in biz_content, which is JSON or XML, or "".
func appInContent(content []byte) string {
	if !isObject(content) {
		elements, err := xmlMembers(content)
		if err != nil {
			return ""
		}
		return elements["AppId"]
	}
	fields, err := splitObject(content)
	if err != nil {
		return ""
	}
	for _, name := range []string{"auth_app_id", "mini_app_id", "app_id"} {
		var id string
		if raw, ok := fields[name]; ok && json.Unmarshal(raw, &id) == nil && id != "" {
			return id
		}
	}
	return ""
}

// checkThirdParty returns ErrWrongApp unless f was sent to the third-party application of keyring
// and concerns either keyring's mini-program or no mini-program.
func (f *form) checkThirdParty(keyring *keys.AlipayKeyring, family Family) error {
	receiver, ok := f.get("app_id")
	switch {
	case ok && receiver != keyring.SigningAppID():
		return fmt.Errorf("%w: app_id", ErrWrongApp)
	case !ok && family != FamilyService && family != FamilySPI:
		return fmt.Errorf("%w: app_id missing", ErrMalformed)
	}
	id, err := f.concerns()
	if err != nil {
		return err
	}
	if id != keyring.AppID() && id != keyring.SigningAppID() {
		return fmt.Errorf("%w: it concerns another mini-program", ErrWrongApp)
	}
	return nil
}
