package keys

import "testing"

// A name and an ID number are about this long.
var benchPlain, benchContext = []byte("欧阳某某某某"), []byte("accounts.name/018f3b0e-7c1a-7c3e-9b1a-000000000001")

func BenchmarkBoxSeal(b *testing.B) {
	box := newBox(b)
	b.ReportAllocs()
	for b.Loop() {
		must(box.Seal(benchPlain, benchContext))
	}
}

func BenchmarkBoxOpen(b *testing.B) {
	box := newBox(b)
	sealed := must(box.Seal(benchPlain, benchContext))
	b.ReportAllocs()
	for b.Loop() {
		must(box.Open(sealed, benchContext))
	}
}

func BenchmarkBoxIndex(b *testing.B) {
	box, kind, number := newBox(b), []byte("01"), []byte("TEST-0001-LONG-018")
	b.ReportAllocs()
	for b.Loop() {
		box.Index("person", kind, number)
	}
}

func BenchmarkPepperTag(b *testing.B) {
	pepper, data := must(ParsePepper(must(NewPepperKey()))), counting(32)
	b.ReportAllocs()
	for b.Loop() {
		must(pepper.Tag(pepper.Current(), data))
	}
}
