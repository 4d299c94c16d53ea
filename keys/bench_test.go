package keys

import "testing"

// The value is about as long as a name with an ID number.
var benchPlain, benchContext = []byte("欧阳某某某某"), []byte("accounts.name/018f3b0e-7c1a-7c3e-9b1a-000000000001")

func BenchmarkColumnCipherSeal(b *testing.B) {
	cipher := newColumnCipher(b)
	b.ReportAllocs()
	for b.Loop() {
		must(cipher.Seal(benchPlain, benchContext))
	}
}

func BenchmarkColumnCipherOpen(b *testing.B) {
	cipher := newColumnCipher(b)
	sealed := must(cipher.Seal(benchPlain, benchContext))
	b.ReportAllocs()
	for b.Loop() {
		must(cipher.Open(sealed, benchContext))
	}
}

func BenchmarkColumnCipherIndex(b *testing.B) {
	cipher, kind, number := newColumnCipher(b), []byte("01"), []byte("TEST-0001-LONG-018")
	b.ReportAllocs()
	for b.Loop() {
		cipher.Index("person", kind, number)
	}
}

func BenchmarkPepperTag(b *testing.B) {
	pepper, data := must(ParsePepper(must(NewPepperKey()))), counting(32)
	b.ReportAllocs()
	for b.Loop() {
		must(pepper.Tag(pepper.Current(), data))
	}
}
