package document

// A Reason says why a number was rejected, in English for operators.
type Reason string

// The reasons, in the order of the checks. The first that applies is reported.
const (
	NoNumber        Reason = "empty"
	WrongCharacters Reason = "wrong characters"
	WrongLength     Reason = "wrong length"
	WrongForm       Reason = "wrong form" // a wrong letter or prefix
	WrongRegion     Reason = "no such region"
	WrongDate       Reason = "impossible date"
	WrongCheck      Reason = "wrong check digit"
)

// A NumberError is ErrNumber with its reason. It does not contain the number.
type NumberError struct {
	Reason Reason
	Kind   Kind
}

// Error implements error.
func (e *NumberError) Error() string { return ErrNumber.Error() + ": " + string(e.Reason) }

// Unwrap returns ErrNumber.
func (e *NumberError) Unwrap() error { return ErrNumber }

// Text returns the Chinese sentence for the citizen.
func (e *NumberError) Text() string {
	form := kinds[e.Kind].form
	switch e.Reason {
	case NoNumber:
		return "请填写证件号码"
	case WrongCharacters:
		return "证件号码中有多余或不能识别的字符，" + form
	case WrongLength:
		return "证件号码位数不对，" + form
	case WrongForm:
		return "证件号码格式不对，" + form
	case WrongRegion:
		return "证件号码开头两位不对，请照证件逐位核对"
	case WrongDate:
		return "证件号码中的出生日期不对，请照证件逐位核对"
	case WrongCheck:
		return "证件号码有一位填错了，请照证件逐位核对"
	}
	return "证件号码不正确，请核对"
}
