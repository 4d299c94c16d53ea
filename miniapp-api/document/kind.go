package document

import (
	"maps"
	"slices"
	"strings"
)

// A Kind is a kind of identity document, which determines the form of its numbers, independent
// of the code that a centre uses.
type Kind string

// The kinds, by their names in a list.
const (
	CitizenCard         Kind = "citizen"                // 居民身份证, GB 11643: 18 characters, 15 until 1999
	ResidencePermit     Kind = "residence-permit"       // 港澳台居民居住证, since 2018: GB 11643 with 81, 82 or 83
	OfficerCard         Kind = "officer"                // 军官证: 军字第1234567号
	SoldierCard         Kind = "soldier"                // 士兵证, 士官证: 士字第1234567号
	PassportBook        Kind = "passport"               // 护照 of any country, ICAO 9303
	PermanentCard       Kind = "permanent-resident"     // 外国人永久居留身份证, before 2023 and since
	HongKongMacaoPermit Kind = "hong-kong-macao-permit" // 港澳居民来往内地通行证
	TaiwanPermit        Kind = "taiwan-permit"          // 台湾居民来往大陆通行证
	HouseholdRegister   Kind = "household"              // 户口簿, by the citizen number on the person's page
	OtherPaper          Kind = "other"                  // 其他
)

// A rule describes how the numbers of a kind are parsed.
type rule struct {
	// prefix begins Key. It must never change, because databases store digests of keys. Kinds
	// with the same number series share a prefix, so that a person is recognised under each.
	prefix string
	// certdoc is the ZJLX code of JGJ/T 320 for which Alipay's certdoc compares the document,
	// or "" if it does not.
	certdoc string
	form    string // Chinese: the form of the number, as the end of a sentence
	normal  func(cleaned string) (string, Reason)
	holder  func(number string) string // the part that identifies the holder; nil for the whole number
}

var kinds = map[Kind]rule{
	CitizenCard: {"01", "01", "身份证号码应为18位，最后一位可能是X（早期证件为15位数字）", citizen, nil},
	// Alipay treats residence permits as separate document types: its face verification
	// accepts them (RESIDENCE_HK_MC, RESIDENCE_TAIWAN), certdoc has no code for them. Set
	// certdoc here once a centre has a contract for it.
	ResidencePermit:     {"01", "", "居住证号码应为18位，以81、82或83开头", residencePermit, nil},
	OfficerCard:         {"02", "02", "请照证件填写，例如“军字第1234567号”", military, militaryHolder},
	SoldierCard:         {"soldier", "", "请照证件填写，例如“士字第1234567号”", military, militaryHolder},
	PassportBook:        {"03", "03", "护照号码应为5至17位字母和数字", passport, nil},
	PermanentCard:       {"04", "", "应为9开头的18位号码，或旧证的3个字母加12位数字", permanentResident, nil},
	HongKongMacaoPermit: {"20", "", "通行证号码应为H或M加8位数字（旧证后面还有2位）", hongKongMacao, hongKongMacaoHolder},
	TaiwanPermit:        {"taiwan", "", "通行证号码应为8位数字（旧证后面还有2位和签发代码）", taiwan, taiwanHolder},
	HouseholdRegister:   {"01", "01", "请填写户口簿本人页上的18位公民身份号码", household, nil},
	OtherPaper:          {"99", "", "应为4至30位字母、数字或汉字", other, nil},
}

func kindNames() []string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, string(k))
	}
	return all
}

// parse parses a number of this type. Its error is a *NumberError.
func (t Type) parse(number string) (Document, error) {
	cleaned, ok := clean(number)
	reason := WrongCharacters
	n := ""
	switch {
	case ok && cleaned == "":
		reason = NoNumber
	case ok:
		n, reason = kinds[t.Kind].normal(cleaned)
	case len(number) > maxNumberBytes:
		reason = WrongLength
	}
	if reason != "" {
		return Document{}, &NumberError{reason, t.Kind}
	}
	kind := t.Kind
	if kind == CitizenCard && isResidence(n) { // some centres file permits as ID cards
		kind = ResidencePermit
	}
	return Document{Type: t.Code, Kind: kind, Number: n}, nil
}

// isResidence reports whether a citizen number belongs to a residence permit.
func isResidence(number string) bool {
	return strings.HasPrefix(number, "81") || strings.HasPrefix(number, "82") || strings.HasPrefix(number, "83")
}
