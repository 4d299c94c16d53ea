package passwd

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "regenerate words.bin")

// The parts of words.bin, the more frequent ones first. They were written for this
// program from general knowledge: the most frequent surnames, syllables of
// given names, everyday words, number puns, runs of keys.
var (
	surnameParts = strings.Fields(`wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he gao lin luo
		zheng liang xie song tang feng han deng cao peng zeng xiao tian dong yuan pan cai jiang yu du
		ye cheng wei su lv lu ding ren shen yao fan fang shi tan liao zou xiong jin hao kong
		bai cui kang mao qiu qin gu hou shao meng long wan duan qian lai yin shi qiao lei gong`)
	givenParts = strings.Fields(`wei min jing li qiang lei jun yang yong yan jie juan tao ming chao xia ping gang
		gui ying hua yu xiu lan fei bo bin peng hui xin jia hong xiao mei lin xue ling hao yi dan
		kai chen rui zi han jian guo zhi wen hai cheng feng qing long dong chun liang`)
	pinyinParts = strings.Fields(`aiqing anquan baobao baobei baba mama laopo laogong beijing shanghai chengzi chongqing
		dalian daren dashu dianhua diannao dongfang facai feifei fengkuang gaoxing gege jiejie didi meimei guangzhou gongsi
		guojia haha hahaha hehe heihei hangzhou haizi huahua huanying huoche jiandan jiankang jiayou jiayuan jinqian jintian
		kafei kaixin keai keke kuaile laohu laoshi lelele lianjie longlong mengxiang mima mingtian mingzi mumu nanjing nihao
		niuniu pengyou pingan pingguo putao qianbao qingdao qingchun renmin riben shijie shenghuo shenzhen shuaige meinv
		shouji shuijing sisi suzhou taiyang tiantang tianya tiankong wangji weixiao weixin woaini wode women xianzai xiaohai
		xiaoxiao xiaoxin xiaozi xihuan xingfu xingxing xinnian xuexi xuesheng yanjing yinyue yongyuan youqian yueliang zaijian
		zhangfu zhanghao zhongguo zhonghua zhuzhu ziji zixin zuguo wuhan xian changsha tianjin chengdu jinan zhengzhou`)
	loveParts = strings.Fields(`woai woaini aini wai wodeai woxiang woxiangni xihuan woxihuan qinai qinaide wode ilove iloveyou
		love mylove baobei laopo laogong xiao xiaoxiao da lao a ai`)
	englishParts = strings.Fields(`love angel baby happy lucky star sweet sunshine summer winter spring flower rose dream
		heart hello world super cool good great best big little black white red blue green golden silver dark magic
		sexy crazy funny smart strong iron fire ice snow moon sun sky ocean river mountain forest dragon tiger lion wolf
		eagle bear panda cat dog kitty puppy horse monkey rabbit fox fish bird shark king queen prince princess master
		boss hero knight ninja warrior hunter killer player gamer football soccer basketball money cash rich gold diamond
		apple banana orange cherry lemon cookie coffee chocolate candy sugar honey music rock guitar piano movie
		computer internet phone mobile office home house family mother father brother sister friend secret password
		login admin user test root guest welcome china beijing shanghai america london paris`)
	numberParts = strings.Fields(`123 520 1314 521 5201314 666 888 168 518 999 1234 12345 123456 321 111 000 110 119 120 147 258 369
		456 789 987 654 222 333 444 555 777 007 123123 1313 1414 5211314 7758 7758521 584 530 886 668 688 886 1688 6688 5566 2000 2008
		1980 1981 1982 1983 1984 1985 1986 1987 1988 1989 1990 1991 1992 1993 1994 1995 1996 1997 1998 1999 2001 2002 2003
		2010 2018 2019 2020 2021 2022 2023 2024 2025 2026 10086 10010 10000 95588 95533 1122 1212 2121 0000 9999 8888 6666 1111 5555`)
	walkParts = strings.Fields(`qwe asd zxc 123 456 789 qaz wsx edc rfv tgb yhn ujm 147 258 369 321 654 987 741 852 963
		rty fgh vbn uio jkl ewq dsa cxz 1qaz 2wsx 3edc 1q2w 3e4r qwer asdf zxcv poi lkj mnb`)
	initialParts = strings.Fields(`w l z c y h x s m f g j d t`)
	favourites   = strings.Fields(`123456 520 123 1314 5201314 888`)
	behindName   = strings.Fields(`woaini iloveyou love aini 520 1314 5201314`)
)

// A wordGenerator collects words.
type wordGenerator struct{ set map[string]bool }

// add adds a word in normal form unless it is too short to be a password in any city, or
// longer than people type.
func (g wordGenerator) add(parts ...string) {
	w := fold(strings.Join(parts, ""))
	if len(w) >= 6 && len(w) <= 20 {
		g.set[w] = true
	}
}

func (g wordGenerator) names() {
	for i, s := range surnameParts {
		for j, a := range givenParts {
			g.add(s, a)
			for k, b := range givenParts {
				g.add(a, b)
				if i < 24 || i < 60 && j < 24 && k < 24 { // fewer given names for rarer surnames
					g.add(s, a, b)
				}
			}
			if i < 40 {
				for _, behind := range behindName {
					g.add(s, a, behind)
				}
			}
		}
	}
}

func (g wordGenerator) love() {
	for i, l := range loveParts {
		for _, s := range surnameParts {
			g.add(l, s)
		}
		for _, a := range givenParts {
			g.add(l, a)
			for _, b := range givenParts {
				if i < 2 || a == b {
					g.add(l, a, b)
				}
			}
			g.add(a, l)
		}
		for _, p := range pinyinParts {
			g.add(l, p)
		}
		for _, n := range numberParts {
			g.add(l, n)
			g.add(n, l)
		}
	}
}

func (g wordGenerator) pairs(parts []string) {
	for _, a := range parts {
		for _, b := range parts {
			g.add(a, b)
		}
	}
}

func (g wordGenerator) numbers() {
	g.pairs(numberParts)
	for _, a := range numberParts[:20] {
		for _, b := range numberParts[:20] {
			for _, c := range numberParts[:20] {
				g.add(a, b, c)
			}
		}
	}
	for _, word := range slices.Concat(englishParts, pinyinParts, surnameParts) {
		for _, n := range numberParts {
			if len(n) > shortDigits { // shorter numbers are covered by the rule
				g.add(word, n)
			}
		}
	}
}

func (g wordGenerator) walks() {
	g.pairs(walkParts)
	for _, a := range walkParts[:22] {
		for _, b := range walkParts[:22] {
			for _, c := range walkParts[:22] {
				g.add(a, b, c)
			}
		}
	}
}

func (g wordGenerator) initials() {
	for _, a := range initialParts {
		for _, b := range initialParts {
			for _, c := range initialParts {
				for _, n := range favourites {
					g.add(a, b, c, n)
				}
			}
		}
	}
}

// generate returns the sorted list of words.bin.
func generate(t testing.TB) []string {
	t.Helper()
	text, err := os.ReadFile("common.txt")
	if err != nil {
		t.Fatal(err)
	}
	g := wordGenerator{map[string]bool{}}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for word := range strings.FieldsSeq(line) {
			g.set[word] = true // also short ones, to which affixes are added
		}
	}
	g.names()
	g.love()
	g.pairs(pinyinParts)
	g.pairs(englishParts)
	g.numbers()
	g.walks()
	g.initials()
	all := make([]string, 0, len(g.set))
	for w := range g.set {
		all = append(all, w)
	}
	slices.Sort(all)
	return all
}

// TestWordsFile checks that words.bin has the generated words, whichever version of Go
// compressed it.
func TestWordsFile(t *testing.T) {
	t.Parallel()
	want := generate(t)
	if *update {
		packed, err := packWords(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("words.bin", packed, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d words in %d bytes", len(want), len(packed))
		return
	}
	got := slices.Collect(words().all)
	if !slices.Equal(got, want) {
		t.Errorf("words.bin has %d words, the rules make %d; run with -update: %s", len(got), len(want), cmp.Diff(len(want), len(got)))
	}
}
