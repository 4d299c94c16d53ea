package operator

import (
	"errors"
	"os"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
)

// TestOperatorWithCentreCodes checks that the operators' commands use the centre's
// document codes.
func TestOperatorWithCentreCodes(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	own, err := os.ReadFile(cmdtest.CentreFile)
	cmdtest.NoError(t, err)
	s.Write("documents.json", string(own))
	env := s.Env(cmdtest.Values{"FUNDPASS_DOCUMENTS_FILE": s.Path("documents.json")})
	cmdtest.NoError(t, cmdtest.Run(t, env, "import", cmdtest.TempFile(t, "GRZH,XINGMING,ZJLX,ZJHM,SJHM,GRZHZT,DWZH,CSMM\n880000000002,林志,08,9901000101(B),,01,,account-last6\n")).Err)
	run := func(env map[string]string, typed string, args ...string) error {
		var out, log cmdtest.LogBuffer
		return cmdtest.Execute(t.Context(), append(args, "--operator", "li", "--reason", "asked in writing"),
			terminal.Stdio{Getenv: cmdtest.GetenvOf(env), In: strings.NewReader(typed + "\n"), Out: &out, Err: &log})
	}
	for _, args := range [][]string{{"unlock"}, {"export-person", "--out", s.Path("person.json")}, {"erase-person"}} {
		for typed, idType := range map[string]string{"9901 0001": "08", " ８８００００ 000002": "01"} {
			if err := run(env, typed, append(args, "--id-type", idType)...); err != nil {
				t.Errorf("%s by %s: %v", args[0], idType, err)
			}
			os.Remove(s.Path("person.json"))
		}
	}
	if err := run(s.Env(), "99010001", "unlock", "--id-type", "08"); !errors.Is(err, errNoAccount) {
		t.Errorf("without the file: %v", err)
	}
	s.Write("documents.json", "{}")
	if err := run(env, "99010001", "unlock", "--id-type", "08"); err == nil || !strings.Contains(err.Error(), "FUNDPASS_DOCUMENTS_FILE") {
		t.Errorf("with a broken file: %v", err)
	}
}
