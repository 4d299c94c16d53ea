package e2e

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/signing/alipaysim"
)

var updatePicture = flag.Bool("update", false, "write the picture of the phone in docs/phone.png anew")

// readmePicture is the picture that both READMEs show.
const readmePicture = "../../docs/phone.png"

// looksLikeReadme compares the phone on the second page of a change with the picture of the READMEs.
func (b *browser) looksLikeReadme(t *testing.T) {
	who := b.demo.person(t, "two_accounts")
	b.openUnlinked(t, "two_accounts")
	b.tap(t, "去绑定", "确认绑定")
	b.fill(t, "姓名", who.Name)
	b.fill(t, "证件号码", who.IDNumber)
	b.fill(t, "个人账号（选填）", who.AccountNo)
	b.fill(t, "公积金密码", who.Password)
	b.tap(t, "确认绑定", "密码状态")
	b.tap(t, "修改密码", "第一步")
	b.fill(t, "证件号码", who.IDNumber)
	b.fill(t, "原密码", who.Password)
	b.tap(t, "下一步", "第二步")
	b.fill(t, "新密码", "Thistle-Meadow-15")
	b.tap(t, "显示新密码", "隐藏")
	b.do(t, "no focus", chromedp.Evaluate[chromedp.Void](`document.activeElement.blur(); document.getElementById("page").scrollTop = 0;
		document.querySelector("#phone .frame").style.height = "610px"`)) // whatever is around the phone
	content, err := chromedp.Run(b.ctx, chromedp.Screenshot("#phone .frame"))
	cmdtest.NoError(t, err)
	b.unlink(t, who)
	got, err := png.Decode(bytes.NewReader(content))
	cmdtest.NoError(t, err)
	if *updatePicture {
		writePicture(t, got)
	}
	file, err := os.Open(readmePicture)
	cmdtest.NoError(t, err)
	defer file.Close()
	want, err := png.Decode(file)
	cmdtest.NoError(t, err)
	if got.Bounds() != want.Bounds() {
		t.Fatalf("the phone is %v, docs/phone.png is %v", got.Bounds(), want.Bounds())
	}
	if at, by := mostDifferent(got, want); by > 0.15 {
		t.Errorf("docs/phone.png is not the phone: at %v they differ by %.2f. If the phone is right, run\n"+
			"FUNDPASS_E2E=1 go test ./cmd/e2e -run TestPages/readme -update", at, by)
	}
}

// unlink ends the link, which a later test of the same demo makes.
func (b *browser) unlink(t *testing.T, who alipaysim.Person) {
	t.Helper()
	p := b.demo.client()
	logIn(t, p, who.Person)
	if a := mustPost(t, p, "/v1/link/remove", apiclient.Fields{"password": who.Password}); a.Code != "OK" {
		t.Errorf("unlink: %s", a.Raw)
	}
}

func writePicture(t *testing.T, picture image.Image) {
	t.Helper()
	var b bytes.Buffer
	cmdtest.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, picture))
	cmdtest.NoError(t, os.WriteFile(readmePicture, b.Bytes(), 0o644))
}

// mostDifferent returns the square whose average brightness differs most, and by how much of it.
// Averages of squares hardly depend on the version of a font, but on a word, a colour or a place.
func mostDifferent(a, b image.Image) (at image.Point, by float64) {
	const side = 20
	for y := a.Bounds().Min.Y; y+side <= a.Bounds().Max.Y; y += side / 2 {
		for x := a.Bounds().Min.X; x+side <= a.Bounds().Max.X; x += side / 2 {
			square := image.Rect(x, y, x+side, y+side)
			if d := math.Abs(brightness(a, square) - brightness(b, square)); d > by {
				at, by = square.Min, d
			}
		}
	}
	return at, by
}

// brightness returns the average of a square, from 0 to 1.
func brightness(picture image.Image, square image.Rectangle) float64 {
	sum := 0
	for y := square.Min.Y; y < square.Max.Y; y++ {
		for x := square.Min.X; x < square.Max.X; x++ {
			sum += int(color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y)
		}
	}
	return float64(sum) / float64(255*square.Dx()*square.Dy())
}
