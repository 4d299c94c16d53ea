package signing

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// The table is that of golang.org/x/text, code by code.
func TestGBKTable(t *testing.T) {
	t.Parallel()
	var want []byte
	for first := 0x81; first <= 0xFE; first++ {
		for second := 0x40; second <= 0xFE; second++ {
			r := utf8.RuneError
			text, err := simplifiedchinese.GBK.NewDecoder().Bytes([]byte{byte(first), byte(second)})
			if one, size := utf8.DecodeRune(text); err == nil && size == len(text) && one < 1<<16 {
				r = one
			}
			want = append(want, byte(r>>8), byte(r))
		}
	}
	if *update {
		if err := os.WriteFile("gbk.bin", want, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal([]byte(gbkTable), want) {
		t.Error("gbk.bin differs from x/text; run go test -update")
	}
}
