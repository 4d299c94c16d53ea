package document

import (
	"errors"
	"strings"
	"testing"
)

// A name read in the wrong encoding is rejected for a Chinese document.
func TestNameOfAnotherEncoding(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		kind Kind
		want string
	}{
		{"\u0337\u03b0", CitizenCard, "combining mark"}, // 谭伟 in GBK, read as UTF-8
		{"\u0337\u03b0", PassportBook, "combining mark"},
		{"\u0301A", PassportBook, "combining mark"},
		{"\u03b0", CitizenCard, "neither Chinese"},
		{"\u03bb\u03b0", ResidencePermit, "neither Chinese"},
		{"é\u03b0", CitizenCard, "neither Chinese"}, // 茅伟
		{"АНА", HongKongMacaoPermit, "neither Chinese"},
		{"김철수", OfficerCard, "neither Chinese"},
		{"АНА", PassportBook, ""},
		{"谭伟", CitizenCard, ""},
		{"ANNA LINDQVIST", ResidencePermit, ""},
		{"王\ue001", CitizenCard, ""},
		{"阿依古丽·买买提", CitizenCard, ""},
	} {
		checkRecordName(t, tt.name, tt.kind, tt.want)
	}
}

// Names with digits or stray letters are rejected, because nobody can type them.
func TestStrayCharactersInName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		kind Kind
		want string
	}{
		{"王五1", CitizenCard, "digit"},
		{"王五１", CitizenCard, "digit"},
		{"李0", HouseholdRegister, "digit"},
		{"SMITH 2", PassportBook, "digit"},
		{"王五a", CitizenCard, "mixed"},
		{"王五 a", CitizenCard, "mixed"},
		{"Ａ王五", TaiwanPermit, "mixed"},
		{"王五a", PassportBook, "mixed"},
		{"史密斯 SMITH", PermanentCard, ""}, // both scripts, kept apart
		{"王五'", CitizenCard, "sign"},
		{"张三/李四", CitizenCard, "sign"},
		{"王五?", CitizenCard, "not a name"},
	} {
		checkRecordName(t, tt.name, tt.kind, tt.want)
	}
}

func checkRecordName(t *testing.T, name string, k Kind, want string) {
	t.Helper()
	got, err := RecordName(name, k)
	if normal, _ := Name(name); want == "" && (err != nil || got != normal) {
		t.Errorf("%q of %s: %q, %v", name, k, got, err)
	}
	if want != "" && (!errors.Is(err, ErrName) || got != "" || !strings.Contains(err.Error(), want)) {
		t.Errorf("%q of %s: %q, %v; want %s", name, k, got, err, want)
	}
}

// All separators of a Uyghur or Kazakh name are the same. Without a separator, or with other
// parts, it is another name.
func TestSeparators(t *testing.T) {
	t.Parallel()
	const record = "阿依古丽·买买提"
	separators := strings.Split(dots+stops+hyphens+".-_,，、*＊", "")
	for _, sign := range append(separators, "——", "--", " - ", " _ ") {
		given := "阿依古丽" + sign + "买买提"
		if name, err := RecordName(given, CitizenCard); err != nil || name != record || !SameName(record, given, CitizenCard) {
			t.Errorf("%q is %q, %v", given, name, err)
		}
		for _, other := range []string{"阿依古丽买买提", "阿依古" + sign + "丽买买提", "买买提" + sign + "阿依古丽", given + sign + "艾力"} {
			if SameName(record, other, CitizenCard) {
				t.Errorf("%q is the same", other)
			}
		}
		for _, wrong := range []string{given + sign, sign + given} {
			if SameName(record, wrong, CitizenCard) {
				t.Errorf("%q is the same", wrong)
			}
		}
	}
	for _, latin := range []string{"ANNE-MARIE", "SMITH, ANNA", "J. SMITH"} { // the separators are significant
		if name, err := Name(latin); err != nil || name != latin {
			t.Errorf("%q became %q, %v", latin, name, err)
		}
	}
}
