package document_test

import (
	"errors"
	"fmt"

	"fundpass/miniapp-api/document"
)

// Every spelling of an ID number becomes one, and a slip of the finger is found before
// anything is charged for it.
func ExampleParse() {
	for _, typed := range []string{
		"99010119900307004X", "990101 19900307 004x", "９９０１０１１９９００３０７００４Ｘ", "990101900307004", // the last one of before 1999
		"990101199003070041",
	} {
		doc, err := document.Parse(document.Citizen, typed)
		var wrong *document.NumberError
		if errors.As(err, &wrong) {
			fmt.Println(wrong.Text())
			continue
		}
		fmt.Println(document.MaskNumber(doc.Number), doc.Birthday())
	}
	// Output:
	// 9****************X 19900307
	// 9****************X 19900307
	// 9****************X 19900307
	// 9****************X 19900307
	// 证件号码有一位填错了，请照证件逐位核对
}

// A passport has no check digit; its number is compared without blanks and in capitals.
func ExampleParse_passport() {
	doc, err := document.Parse(document.Passport, "e 1234 5678")
	fmt.Println(doc.Number, doc.Kind, err)
	_, err = document.Parse(document.Passport, "E-12345678")
	fmt.Println(err)
	// Output:
	// E12345678 passport <nil>
	// document: not a number of this document type: wrong characters
}

// A name is compared in every spelling that records and citizens use.
func ExampleSameName() {
	fmt.Println(document.SameName("欧阳测试", "欧阳 测试", document.CitizenCard))
	fmt.Println(document.SameName("买买提·阿不都", "买买提.阿不都", document.CitizenCard))
	fmt.Println(document.SameName("SMITH JOHN", "John Smith", document.PassportBook))
	fmt.Println(document.SameName("欧阳测试", "欧阳测验", document.CitizenCard))
	// Output:
	// true
	// true
	// true
	// false
}
