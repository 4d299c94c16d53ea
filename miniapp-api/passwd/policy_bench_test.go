package passwd

import (
	"strings"
	"testing"
)

// BenchmarkPolicyCheck measures an ordinary password, one that is refused at once, and
// the costliest one: 64 code points of a person with four characters of many readings.
func BenchmarkPolicyCheck(b *testing.B) {
	heteronyms := wang()
	heteronyms.Name = "单于解查"
	for _, bench := range []struct {
		name, password string
		s              Subject
	}{
		{"good", "Korb-7-Lampe", wang()},
		{"common", "woaini1314", wang()},
		{"passphrase", "correct horse battery staple", wang()},
		{"worst, letters", strings.Repeat("shan", 15) + "kvpq", heteronyms},
		{"worst, digits", strings.Repeat("57 38 2", 9) + "5", heteronyms},
		{"worst, Chinese", strings.Repeat("清风徐来水波不兴", 7) + "明月松间照石上流", heteronyms},
	} {
		b.Run(bench.name, func(b *testing.B) {
			p, password := mustBuiltin(b, "beijing"), NewSecret(bench.password)
			p.Check(password, bench.s) // unpacks the list
			b.ReportAllocs()
			for b.Loop() {
				p.Check(password, bench.s)
			}
		})
	}
}
