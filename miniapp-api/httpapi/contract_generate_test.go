package httpapi_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

var update = flag.Bool("update", false, "write the generated part of openapi.yaml, ERRORS.md and ERRORS.zh-CN.md")

// generatedLine precedes the generated part of openapi.yaml.
const generatedLine = "\n# generated\n"

// The generated files are up to date.
func TestContractIsFresh(t *testing.T) {
	file, err := os.ReadFile("openapi.yaml")
	must(t, err)
	hand, _, found := strings.Cut(string(file), generatedLine)
	if !found {
		t.Fatalf("openapi.yaml does not contain the line %q", generatedLine)
	}
	golden(t, "openapi.yaml", hand+generatedLine+generatedPart(t, hand))
	golden(t, "ERRORS.md", errorsMarkdown(errorsHead, func(e httpapi.Presentation) (string, string) { return e.Title, e.Next }))
	golden(t, "ERRORS.zh-CN.md", errorsMarkdown(errorsHeadZH, func(e httpapi.Presentation) (string, string) { return e.TitleZH, e.NextZH }))
}

func golden(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(name, []byte(want), 0o644))
	}
	got, err := os.ReadFile(name)
	must(t, err)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale; run go test ./miniapp-api/httpapi -run Contract -update\n%s", name, diff)
	}
}

// generatedPart returns the schema Code and the responses and examples for all codes that the
// handwritten part references.
func generatedPart(t *testing.T, hand string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("    Code:\n      type: string\n      description: 稳定的错误码，会增加新值 · Stable; values may be added\n      enum:\n")
	for _, e := range catalogue {
		fmt.Fprintf(&b, "        - %s\n", e.Code)
	}
	b.WriteString("\n  responses:\n")
	for _, name := range responseNames(hand) {
		writeResponse(t, &b, name)
	}
	b.WriteString("\n  examples:\n")
	for _, e := range catalogue {
		fmt.Fprintf(&b, "    %s:\n      summary: %q\n      description: %q\n      value: %s\n", e.Code, e.TitleZH+" · "+e.Title, e.NextZH+" · "+e.Next, exampleOf(t, e))
	}
	return b.String()
}

var responseRef = regexp.MustCompile(`'#/components/responses/([A-Z_.]+)'`)

func responseNames(hand string) []string {
	names := []string{httpapi.ErrNotFound.Code, httpapi.ErrMethodNotAllowed.Code} // not referenced by any operation
	for _, match := range responseRef.FindAllStringSubmatch(hand, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// writeResponse writes the response with this name, which consists of its codes.
func writeResponse(t *testing.T, b *strings.Builder, name string) {
	t.Helper()
	codes := strings.Split(name, ".")
	fmt.Fprintf(b, "    %s:\n      description: %s\n      headers:\n", name, strings.Join(codes, " · "))
	b.WriteString("        X-Request-ID: {$ref: '#/components/headers/X-Request-ID'}\n")
	if first := entry(t, codes[0]); slices.Contains([]int{423, 429, 503}, first.Status) {
		b.WriteString("        Retry-After: {$ref: '#/components/headers/Retry-After'}\n")
	}
	b.WriteString("      content:\n        application/problem+json:\n          schema: {$ref: '#/components/schemas/Problem'}\n          examples:\n")
	for _, code := range codes {
		fmt.Fprintf(b, "            %s: {$ref: '#/components/examples/%s'}\n", code, entry(t, code).Code)
	}
}

func entry(t *testing.T, code string) httpapi.Presentation {
	t.Helper()
	i := slices.IndexFunc(catalogue, func(e httpapi.Presentation) bool { return e.Code == code })
	if i < 0 {
		t.Fatalf("openapi.yaml names %s, which is not in presentation.go", code)
	}
	return catalogue[i]
}

// occurrence returns the message of an entry with all optional details.
func occurrence(p httpapi.Presentation) string { return httpapi.ProblemOf(p, example(p), "").Message }

// example returns an error of an entry with the details of one occurrence.
func example(p httpapi.Presentation) *selfservice.Error {
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	e := &selfservice.Error{Code: p.Code}
	switch p.Code {
	case selfservice.ErrOldPasswordWrong.Code:
		e.Remaining = new(4)
	case selfservice.ErrPasswordLocked.Code:
		e.Remaining, e.LockedUntil, e.RetryAfter = new(0), new(at.Add(15*time.Minute)), 901
	case selfservice.ErrLinkProofRequired.Code:
		e.Fields = []selfservice.FieldError{{Field: "phone", Code: "PROOF_REQUIRED"}}
	case selfservice.ErrTransferWaiting.Code:
		id := uuid.MustParse("3f2b8c1e-5d64-4a7b-9c1d-2e8f6a0b4c5d")
		e.RetryAfter = 24 * 60 * 60
		e.Transfer = &store.Transfer{ID: id, State: store.TransferWaiting, RequestedAt: at, DueAt: new(at.Add(24 * time.Hour)), ExpiresAt: at.Add(8 * 24 * time.Hour)}
	case selfservice.ErrChannelClosed.Code:
		e.RetryAfter = 8*60*60 + 1
		e.Closed = &selfservice.ClosedChannel{
			Why: selfservice.ChannelByHours, Name: "支付宝", Hours: selfservice.Hours{Opens: 8 * 60, Closes: 22 * 60}, OpensAt: new(at.Add(22 * time.Hour)),
			Open: []selfservice.ChannelName{{ID: "website", Name: "网站"}, {ID: "hotline", Name: "12329热线"}},
		}
	case selfservice.ErrTransferLimit.Code:
		e.RetryAfter = 50401
	case selfservice.ErrConsentRequired.Code:
		e.Fields = []selfservice.FieldError{{Field: "certdoc", Code: "CONSENT_REQUIRED"}}
	case selfservice.ErrResetLimit.Code:
		e.RetryAfter = 50401
	case selfservice.ErrBadRequest.Code:
		e.Fields = []selfservice.FieldError{{Code: "UNKNOWN_FIELD", Text: "提交了无法识别的字段，可用的字段：auth_code"}}
	case selfservice.ErrPasswordWeak.Code:
		for _, broken := range passwd.Default().Check(passwd.NewSecret("123456"), passwd.Subject{}) {
			e.Fields = append(e.Fields, selfservice.FieldError{Field: "new_password", Code: broken.Code, Text: broken.Message})
		}
	}
	return e
}

// exampleOf returns the reply body of an entry.
func exampleOf(t *testing.T, p httpapi.Presentation) []byte {
	t.Helper()
	body, err := json.Marshal(httpapi.ProblemOf(p, example(p), "EXAMPLE234567ABC"))
	must(t, err)
	return body
}

// errorsMarkdown returns the error table in Markdown, with guidance in one language.
func errorsMarkdown(head string, guidance func(httpapi.Presentation) (when, next string)) string {
	var b strings.Builder
	b.WriteString(head)
	for _, e := range catalogue {
		when, next := guidance(e)
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s | %s |\n", e.Code, e.Status, e.Message, when, next)
	}
	return b.String()
}

const errorsHead = `# Error codes

[中文](ERRORS.zh-CN.md)

Generated from ` + "`presentation.go` by `go test ./miniapp-api/httpapi -run Contract -update`" + `.
` + "`message`" + ` may contain details of one occurrence, such as the attempts left.

| code | status | message | when | what the page should do |
|---|---|---|---|---|
`

const errorsHeadZH = `# 错误码

[English](ERRORS.md)

由 ` + "`presentation.go` 生成：`go test ./miniapp-api/httpapi -run Contract -update`" + `。
` + "`message`" + ` 可能带有这一次的具体情况，例如剩余次数。

| 错误码 | 状态 | message | 何时出现 | 页面怎样处理 |
|---|---|---|---|---|
`
