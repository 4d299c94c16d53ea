package roster

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// A sample is a roster of invented people, always the same for the same seed. None of
// them is a real person: GB/T 2260 has no region 99, in which their ID numbers are, and
// no phone number begins with 100.
type sample struct {
	people int64
	seed   uint64
}

func (s sample) roster() roster {
	sum := sha256.Sum256(fmt.Appendf(nil, "fundpass sample 2: %d people, seed %d", s.people, s.seed))
	return roster{name: fmt.Sprintf("sample-%d-%d", s.people, s.seed), open: s.open, digest: sum[:], lines: s.people + 1}
}

// open returns the file, which is written as fast as it is read.
func (s sample) open() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(s.write(w)) }()
	return r, nil
}

func (s sample) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	fmt.Fprintln(out, strings.Join([]string{
		colAccountNo, colName, colIDType, colIDNumber, colPhone, colStatus, colEmployer, colRule,
	}, ","))
	for i := range s.people {
		if _, err := out.WriteString(s.line(i)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// secondAccounts is how many people there are to one with a second account,
// which is sealed, as it is after a change of employer.
const secondAccounts = 50

func (s sample) line(i int64) string {
	holder, status := i, ""
	if i%secondAccounts == secondAccounts-1 {
		holder, status = i-1, store.StatusSealed
	}
	rng := rand.New(rand.NewPCG(s.seed, uint64(holder)))
	name, idType, idNumber := s.person(rng, holder)
	phone := ""
	if rng.IntN(33) > 0 {
		phone = fmt.Sprintf("100%08d", rng.IntN(1e8))
	}
	if drawn := pick(rng, sampleStatuses); status == "" {
		status = drawn
	}
	return strings.Join([]string{
		fmt.Sprintf("995%03d%09d", s.seed%1000, i), name, idType, idNumber, phone, status, fmt.Sprintf("99%06d", i/40%1e6), "id-last6",
	}, ",") + "\n"
}

// sampleStatuses are GRZHZT, repeated by their frequency.
var sampleStatuses = strings.Fields(strings.Repeat("01 ", 88) + strings.Repeat("02 ", 7) + "03 04 04 05 06")

// person invents the holder of account i; one in twenty is from abroad.
func (s sample) person(rng *rand.Rand, i int64) (name, idType, idNumber string) {
	switch rng.IntN(60) {
	case 0, 1:
		return latinName(rng), document.Passport, fmt.Sprintf("XA%07d", i)
	case 2:
		return chineseName(rng), document.HongKongMacao, fmt.Sprintf("H%08d", i)
	case 3:
		return pick(rng, uyghurNames) + "·" + pick(rng, uyghurNames), document.Citizen, sampleIDNumber(rng, i)
	}
	return chineseName(rng), document.Citizen, sampleIDNumber(rng, i)
}

// sampleIDNumber makes a GB 11643 number in region 99, a different one for every i up to
// ten million.
func sampleIDNumber(rng *rand.Rand, i int64) string {
	born := time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rng.IntN(45*365))
	body := fmt.Sprintf("99%04d%s%03d", i/1000%10000, born.Format("20060102"), i%1000)
	return body + document.CheckDigit(body)
}

// Family names, the frequent ones several times, and what given names are made of.
var (
	familyNames = strings.Fields(strings.Repeat("王 李 张 刘 陈 杨 黄 赵 ", 5) + strings.Repeat("吴 周 徐 孙 马 朱 胡 郭 何 林 高 罗 ", 2) +
		"郑 梁 谢 宋 唐 许 韩 冯 邓 曹 彭 曾 肖 田 董 袁 潘 于 蒋 蔡 余 杜 叶 程 苏 魏 吕 丁 任 沈 姚 卢 姜 崔 钟 谭 欧阳 上官 司马 诸葛")
	givenParts = strings.Fields("伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 霞 平 刚 桂 英 华 玉 兰 建 国 文 志 晓 春 雨 欣 怡 " +
		"子 涵 浩 然 宇 轩 梓 萱 诗 琪 思 远 嘉 一 诺 俊 熙 若 溪 佳 雪 婷 鑫 喆 堃 淼 燚 𬱖")
	uyghurNames = strings.Fields("阿依古丽 买买提 古丽娜尔 艾合买提 阿不都热合曼 热依汗 吐尔逊 帕提古丽")
	firstNames  = strings.Fields("ANNA MARIA ELENA SOFIA LUCAS JONAS PETER THOMAS MIKA KENJI")
	lastNames   = strings.Fields("LINDQVIST SCHNEIDER MORENO ROSSI TANAKA NOVAK O'BRIEN LARSEN SMITH-JONES")
)

func chineseName(rng *rand.Rand) string {
	name := pick(rng, familyNames) + pick(rng, givenParts)
	if rng.IntN(5) > 0 {
		name += pick(rng, givenParts)
	}
	return name
}

func latinName(rng *rand.Rand) string { return pick(rng, firstNames) + " " + pick(rng, lastNames) }

func pick(rng *rand.Rand, from []string) string { return from[rng.IntN(len(from))] }
