package passwd

import (
	"crypto/subtle"
	"strings"
)

// commonPasswords are the passwords that are tried against every fast digest of a roster:
// those that citizens choose most. The list is short, because every password costs time
// for every digest; passwords in clear are compared with the list of words.go.
var commonPasswords = strings.Fields(`
123456 111111 000000 123123 666666 888888 123321 654321 112233 121212 222222 333333 444444 555555 777777 999999
12345678 123456789 1234567890 1234567 12345 1234 0123456789 87654321 987654321 11111111 00000000 88888888 66666666
99999999 111222 111222333 123123123 12341234 11223344 1122334455 112358 123000 123654 123789 123456123 010101 010203
100200 101010 110110 110120 119119 120120 131313 131314 131420 135790 147147 147258 147258369 147852 147852369
159357 159753 159159 168168 1314520 1314521 5201314 520520 521521 520131 5211314 518518 258258 258369 321321 321654
369369 456123 456456 456789 741852 741852963 789456 789456123 7758521 7758258 963852 963852741 987654 789789 886886
aaaaaa a123456 a1234567 a12345678 a123456789 aa123456 aaa123 A123456 Aa123456 Aa123456. Aa12345678 Aa123123 Abc123 Abc123456
123456a 123456aa 123456abc 12345678a 123456789a 123456. 123abc abc123 abc1234 abc12345 abc123456 abcd1234 abcdef abcabc
qwerty qwerty123 qwertyuiop qwe123 123qwe qweasd qazwsx 1qaz2wsx 1qaz2WSX 1q2w3e 1q2w3e4r q123456 w123456 z123456
x123456 s123456 l123456 qq123456 wang123 asdfgh asdfghjkl asd123 zxcvbn zxcvbnm zxc123 1a2b3c a1b2c3
password password1 Password1 password123 passw0rd P@ssw0rd admin admin123 admin888 root test test123 guest user
iloveyou woaini woaini520 woaini1314 woaini521 5201314a 5201314. gongjijin gjj123 gjj123456 gjj12329 12329 zfgjj zfgjj123`)

// Common reports whether a fast digest is of one of the most common passwords. It returns
// false for a slow digest, for which trying them would take seconds. It computes on the
// caller's thread, as Matches does.
func (l Legacy) Common() bool {
	if l.Kind() == "" || l.Slow() {
		return false
	}
	for _, word := range commonPasswords {
		if subtle.ConstantTimeCompare(l.scheme.sum([]byte(word)), []byte(l.digest)) == 1 {
			return true
		}
	}
	return false
}
