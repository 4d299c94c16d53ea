package demo

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/sms/smssim"
)

// show prints what the operator needs once everything runs.
func (d *demo) show() {
	d.Title("fundpass demo is running. Every person in it is invented.")
	d.Heading("What runs")
	d.List([][2]string{
		{"API", d.url()},
		{"Page", d.url() + "/ (the mini-program, in a browser)"},
		{"Website", d.websiteURL() + "/ (the centre's pages, in a browser)"},
		{"App", d.mobileURL() + " (the API of the centre's app)"},
		{"Docs", d.url() + "/docs"},
		{"Alipay", d.simURL + " (simulated)"},
		{"SMS", d.url() + smssim.InboxPath + " (what the simulated gateway at " + d.smsURL + " has sent)"},
		{"Issuer", d.issuerURL + " (simulated sign-on of a province, for the website)"},
		{"Policy", fmt.Sprintf("%s, %d rules", d.app.Policy.Name, len(d.app.Policy.Public()))},
		{"Links", "proof " + d.proof + ", consent " + d.consent + ", transfer after " + d.transferAfter},
		{"Database", d.postgres.Dir() + d.T(d.dataNote())},
		{"Log", d.logFile},
	})
	d.Heading("People to try")
	printPeople(d.Screen, d.people)
	if d.dataDir.known {
		d.Say("These are the first passwords; people may have changed theirs since, see the page. --fresh starts over.")
	}
	d.Heading("What to do next")
	d.next()
	d.Say("\nCtrl-C stops everything.")
}

// dataNote says what happens to the data when the demo ends.
func (d *demo) dataNote() string {
	if d.dataDir.temporary {
		return " (removed at the end; --data DIR keeps it)"
	}
	return ""
}

// next prints commands that can be copied.
func (d *demo) next() {
	url := d.url()
	for _, step := range [][2]string{
		{"Walk the whole citizen's flow, in a second terminal:", program() + " walk --base " + url},
		{"Or call the API by hand. An auth code, as Alipay gives it to a mini-program, is valid once, for 3 minutes:",
			curl(url+"/sim/auth-code", `{"person":"ok"}`)},
		{"It opens a session. Send the token in the header Authorization: Bearer with every further call:",
			curl(url+"/v1/sessions", `{"auth_code":"..."}`)},
		{"Act as the centre's app on a new phone. It asks for the password, then for the code in the SMS inbox above:",
			program() + " app-client --base " + d.mobileURL() + " sign-in --document " + d.people[0].person().IDNumber},
	} {
		fmt.Fprintf(d.Out, "  %s\n    %s\n", d.T(step[0]), step[1])
	}
}

func curl(url, body string) string {
	return fmt.Sprintf("curl -s %s -H 'Content-Type: application/json' -d '%s'", url, body)
}

// program returns the command that started this process, so that the next command can be
// copied.
func program() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/fundpass"
	}
	return os.Args[0]
}

// printPeople prints the stories with what a visitor types to be that person, each in two lines
// of at most 80 columns.
func printPeople(s terminal.Screen, people []story) {
	row := func(fields ...string) {
		for i, width := range []int{14, 4, 18, 12} {
			fields[i] = text.Pad(fields[i], width, ' ')
		}
		fmt.Fprintln(s.Out, "    "+strings.Join(fields, "  "))
	}
	fmt.Fprintf(s.Out, "  %s  %s\n", text.Pad(s.T("person"), 17, ' '), s.T("story"))
	row(s.T("name"), s.T("type"), s.T("ID number"), s.T("account number"), s.T("password"))
	for _, one := range people {
		p := one.person()
		fmt.Fprintf(s.Out, "  %s  %s\n", text.Pad(p.Person, 17, ' '), terminal.Bilingual{English: one.english, Chinese: one.caption}.In(s.Language))
		row(p.Name, p.IDType, p.IDNumber, cmp.Or(p.AccountNo, "-"), p.Password)
	}
}

// exitMessage says what was stopped and what happened to the data directory.
func (d *demo) exitMessage() string {
	switch {
	case d.dataDir == nil:
		return "Stopped."
	case d.dataDir.temporary:
		return "Stopped PostgreSQL and removed " + d.dataDir.dir + "."
	}
	return "Stopped PostgreSQL and kept " + d.dataDir.dir + " for the next start."
}
