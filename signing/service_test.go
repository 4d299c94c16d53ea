package signing

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestXMLMembers(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, xml string
		want      map[string]string // nil = rejected
	}{
		{"plain", "<XML><A>1</A><B>2</B></XML>", map[string]string{"A": "1", "B": "2"}},
		{"character data", "<XML><A><![CDATA[1<2&3]]></A></XML>", map[string]string{"A": "1<2&3"}},
		{"mixed", "<XML><A>1<![CDATA[2]]>3<!-- x --></A></XML>", map[string]string{"A": "123"}},
		{"empty", "<XML></XML>", map[string]string{}},
		{"empty element", "<XML><A/></XML>", map[string]string{"A": ""}},
		{"blanks between", " <XML>\n <A>1</A>\n</XML>\n", map[string]string{"A": "1"}},
		{"head", `<?xml version="1.0" encoding="GBK"?><XML><A>1</A></XML>`, map[string]string{"A": "1"}},
		{"nested", "<XML><A>1<B>2</B></A></XML>", map[string]string{"A": "1"}},
		{"entities of XML", "<XML><A>&lt;&amp;</A></XML>", map[string]string{"A": "<&"}},

		{"nothing", "", nil},
		{"words", "verifygw", nil},
		{"JSON", `{"XML":1}`, nil},
		{"other root", "<xml><A>1</A></xml>", nil},
		{"two roots", "<XML></XML><XML></XML>", nil},
		{"trailing text", "<XML></XML>&charset=UTF-8", nil},
		{"text before", "x<XML></XML>", nil},
		{"text between", "<XML>x<A>1</A></XML>", nil},
		{"twice", "<XML><A>1</A><A>2</A></XML>", nil},
		{"not closed", "<XML><A>1</A>", nil},
		{"closed wrongly", "<XML><A>1</XML></A>", nil},
		{"external entity", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><XML><A>&e;</A></XML>`, nil},
		{"entity bomb", `<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><XML><A>&b;</A></XML>`, nil},
		{"document type", `<!DOCTYPE XML><XML></XML>`, nil},
		{"unknown entity", "<XML><A>&e;</A></XML>", nil},
		{"zero byte", "<XML><A>\x00</A></XML>", nil},
		{"too deep", "<XML>" + strings.Repeat("<A>", 40) + strings.Repeat("</A>", 40) + "</XML>", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := xmlMembers([]byte(c.xml))
			if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.want != nil) || err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

// Results are texts of the document; an error comes with nil.
func FuzzXMLMembers(f *testing.F) {
	f.Add("<XML><AppId><![CDATA[1]]></AppId><EventType>verifygw</EventType></XML>")
	f.Add(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><XML><A>&e;</A></XML>`)
	f.Fuzz(func(t *testing.T, document string) {
		members, err := xmlMembers([]byte(document))
		if (err == nil) != (members != nil) {
			t.Fatalf("%v, %v", members, err)
		}
		if err == nil && !strings.Contains(document, "XML") {
			t.Fatal("no XML")
		}
		for name := range members {
			if !strings.Contains(document, name) {
				t.Fatalf("%q is not in it", name)
			}
		}
		if glue, err := xmlMembers([]byte(document + "&app_id=1")); err == nil {
			t.Fatalf("glued on: %v", glue)
		}
	})
}
