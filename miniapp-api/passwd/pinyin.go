package passwd

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mozillazg/go-pinyin"
)

// compoundSurnames are the surnames of two characters in use today. A name that begins
// with one is split both ways, because the surname of 东方明 may also be 东.
var compoundSurnames = strings.Fields(`
	欧阳 欧陽 司马 上官 诸葛 東方 东方 皇甫 尉迟 公孙 令狐 慕容 司徒 司空 夏侯 独孤 南宫 西门 端木 长孙 宇文
	轩辕 闻人 澹台 公冶 宗政 濮阳 淳于 单于 太叔 申屠 仲孙 钟离 鲜于 闾丘 亓官 司寇 仉督 子车 颛孙 巫马
	公西 漆雕 乐正 壤驷 公良 拓跋 夹谷 宰父 谷梁 段干 百里 东郭 南门 呼延 归海 羊舌 微生 梁丘 左丘 东门
	第五 万俟 赫连 完颜 纳兰 哥舒 贺兰 叶赫 那拉 爱新 富察 钮祜 瓜尔 佟佳 舒穆 司城 公羊 即墨 达奚 褚师
`)

// surnameReadings are readings of characters as surnames that the dictionary lacks.
// Source: the readings given for these surnames in 现代汉语词典.
var surnameReadings = map[rune][]string{
	'黑': {"he"}, '秘': {"bi"}, '种': {"chong"}, '折': {"she"}, '员': {"yun"}, '繁': {"po"}, '逄': {"pang"},
	'缪': {"miao"}, '朴': {"piao"}, '仇': {"qiu"}, '区': {"ou"}, '查': {"zha"}, '盖': {"ge"}, '牟': {"mu"}, '曾': {"zeng"},
	'翟': {"zhai"}, '单': {"shan"}, '解': {"xie"}, '任': {"ren"}, '隗': {"kui"}, '洗': {"xian"}, '尉': {"yu"}, '万': {"mo"}, '俟': {"qi"},
}

// umlauts are the spellings of ü on a keyboard without it; passports print LYU.
var umlauts = map[string][]string{
	"lv": {"lv", "lu", "lyu"}, "nv": {"nv", "nu", "nyu"}, "lve": {"lve", "lue", "lyue"}, "nve": {"nve", "nue", "nyue"},
}

// readings returns the readings of each letter of a name in lower case without tones. The
// reading of a letter that is not Chinese is the letter itself.
func readings(name string) []syllable {
	args := pinyin.NewArgs()
	args.Heteronym = true
	var all []syllable
	for _, r := range name {
		read := slices.Concat(pinyin.SinglePinyin(r, args), surnameReadings[r])
		if len(read) == 0 {
			read = []string{string(r)}
		}
		var s syllable
		for _, spelling := range read {
			if more, ok := umlauts[spelling]; ok {
				s = append(s, more...)
			} else {
				s = append(s, spelling)
			}
		}
		slices.Sort(s)
		all = append(all, slices.Compact(s))
	}
	return all
}

// surnameLengths returns the possible lengths of the surname of a Chinese name.
func surnameLengths(name string) []int {
	if utf8.RuneCountInString(name) > 2 && slices.ContainsFunc(compoundSurnames, func(s string) bool { return strings.HasPrefix(name, s) }) {
		return []int{2, 1}
	}
	return []int{1}
}
