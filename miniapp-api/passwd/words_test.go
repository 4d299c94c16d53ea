package passwd

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWordsList(t *testing.T) {
	t.Parallel()
	l := words()
	list := slices.Collect(l.all)
	if len(list) < 100_000 || l.count != len(list) {
		t.Errorf("%d words, counted %d", len(list), l.count)
	}
	if len(wordsFile) > 1<<20 || len(l.data) > 2<<20 {
		t.Errorf("%d bytes embedded, %d unpacked", len(wordsFile), len(l.data))
	}
	for i, w := range list {
		if i > 0 && list[i-1] >= w {
			t.Fatalf("%q after %q", w, list[i-1])
		}
		if w != fold(w) || strings.ContainsAny(w, " \t\n") {
			t.Errorf("%q is not in normal form", w)
		}
		if !l.has(w) {
			t.Errorf("%q is not found", w)
		}
	}
	t.Logf("%d words, %d bytes embedded, %d unpacked", len(list), len(wordsFile), len(l.data)+8*len(l.blocks))
}

// TestWordsListHasNothingElse compares the list with a set, for entries and strings near
// them.
func TestWordsListHasNothingElse(t *testing.T) {
	t.Parallel()
	l, set := words(), map[string]bool{}
	for w := range l.all {
		set[w] = true
	}
	dice := rand.New(rand.NewPCG(1, 2))
	list := slices.Sorted(func(yield func(string) bool) { l.all(yield) })
	for _, w := range []string{"", "\x00", "0", "~~~~", "zzzzzzzz", "我", "\xff"} {
		if l.has(w) != set[w] {
			t.Errorf("%q: %v", w, l.has(w))
		}
	}
	for range 50_000 {
		w := []byte(list[dice.IntN(len(list))])
		switch i := dice.IntN(len(w)); dice.IntN(4) {
		case 0:
			w[i]++
		case 1:
			w = w[:i]
		case 2:
			w = append(w, "abz019"[dice.IntN(6)])
		default:
			w = slices.Delete(w, i, i+1)
		}
		if l.has(string(w)) != set[string(w)] {
			t.Fatalf("%q: %v", w, l.has(string(w)))
		}
	}
}

// TestPackWords packs, reads and searches random lists.
func TestPackWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.StringMatching(`[abc]{1,6}`), 0, 80).Draw(t, "words")
		slices.Sort(in)
		in = slices.Compact(in)
		packed, err := packWords(in)
		if err != nil {
			t.Fatal(err)
		}
		l, err := readWords(packed)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Collect(l.all); !slices.Equal(got, in) && len(in) > 0 {
			t.Fatalf("%q, want %q", got, in)
		}
		s := rapid.StringMatching(`[abcd]{0,7}`).Draw(t, "s")
		if l.has(s) != slices.Contains(in, s) {
			t.Fatalf("%q: %v", s, l.has(s))
		}
	})
}

func TestReadWordsRefuses(t *testing.T) {
	t.Parallel()
	packed, err := packWords([]string{"alpha", "alphabet", "beta"})
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string][]byte{"empty": nil, "cut": packed[:len(packed)-6], "text": []byte("alpha beta")} {
		if l, err := readWords(in); err == nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

// TestWordsFold checks that common words are found in the spellings that folding covers.
func TestWordsFold(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"zhangweiguo", "ZhangWeiGuo", "zhangweiguo88", "zh4ngw31gu0", "ＺｈａｎｇＷｅｉ", "woaixiaoming", "WoAiXiaoMing1314", "xingfukuaile",
		"lovedragon", "LoveDragon2024!", "l0v3dr4g0n", "5201314888", "qweasd123", "123qweasdzxc", "wxm123456", "lzx5201314", "wangli5201314",
		"12345688", "dragon10086",
	} {
		if !isCommon(checkInput{normalForms: newNormalForms(NewSecret(s))}) {
			t.Errorf("passes: %q", s)
		}
	}
	for _, s := range []string{"mxpqrvkt", "kd82mq", "zug8wald", "Korb-Lampe-Wiese", "582947", "vT9#kd2Lq!", "清风徐来水波不兴"} {
		if isCommon(checkInput{normalForms: newNormalForms(NewSecret(s))}) {
			t.Errorf("refused: %q", s)
		}
	}
}

func BenchmarkWordsHas(b *testing.B) {
	l := words()
	list := slices.Collect(l.all)
	i := 0
	for b.Loop() {
		i = (i + 7919) % len(list)
		if !l.has(list[i]) {
			b.Fatal(list[i])
		}
	}
}
