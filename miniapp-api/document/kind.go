package document

import (
	"maps"
	"slices"
	"strings"
)

// A Kind is a kind of identity document: what its numbers look like, whatever
// code a centre files it under.
type Kind string

// Kinds, by the names a list uses.
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

// A reading is how the numbers of a kind are read.
type reading struct {
	// prefix begins Key. It must never change: databases keep digests of it. Two
	// kinds share one where their numbers are one series, so that a person is
	// the same one under either.
	prefix string
	// certdoc is the ZJLX code of JGJ/T 320 under which Alipay's certdoc compares
	// the document, "" where it does not.
	certdoc string
	form    string // Chinese: what the number looks like, the end of a sentence
	normal  func(cleaned string) (string, Reason)
	holder  func(number string) string // nil: the whole number names the holder
}

var kinds = map[Kind]reading{
	CitizenCard: {"01", "01", "身份证号码应为18位，最后一位可能是X（早期证件为15位数字）", citizen, nil},
	// Alipay counts these among documents of their own, beside the ID card: its
	// face verification takes them (RESIDENCE_HK_MC, RESIDENCE_TAIWAN), certdoc
	// names none. Where a centre has contracted that, this is the line to change.
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

// parse reads a number of this type.
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
	if kind == CitizenCard && residence(n) { // centres file the permits as ID cards, too
		kind = ResidencePermit
	}
	return Document{Type: t.Code, Kind: kind, Number: n}, nil
}

// residence tells a number of a residence permit from an ID card's.
func residence(number string) bool {
	return strings.HasPrefix(number, "81") || strings.HasPrefix(number, "82") || strings.HasPrefix(number, "83")
}
