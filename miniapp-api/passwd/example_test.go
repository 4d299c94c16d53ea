package passwd_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
)

// A whole policy file of an invented city, with every key.
const file = `{
  "name": "example",
  "city": "某市",
  "rules": [
    {
      "id": "min-length",
      "text": "密码至少8个字符",
      "check": {"min_length": 8},
      "source": "NIST SP 800-63B-4, 3.1.1.2"
    },
    {
      "id": "max-length",
      "text": "密码最多20个字符",
      "check": {"max_length": 20},
      "source": "某市住房公积金管理中心通知（2026-03-01）",
      "legacy": true,
      "reason": "核心系统的密码字段最长20位"
    },
    {
      "id": "composition",
      "text": "密码需要包含字母和数字",
      "check": {"require": ["letter", "digit"]},
      "source": "某市住房公积金管理中心通知（2026-03-01）",
      "legacy": true,
      "reason": "等级测评要求口令有复杂度"
    }
  ],
  "history": 5,
  "words": ["某市", "moushi", "msgjj"],
  "initial_rules": ["id-last6-x0"],
  "initial_source": "某市住房公积金管理中心通知（2026-03-01）",
  "lock": {"rounds": [{"guesses": 5, "lock": "15m"}, {"guesses": 3, "lock": "midnight"}, {"guesses": 2, "lock": "reset"}]},
  "lock_source": "某市住房公积金管理中心通知（2026-03-01）",
  "notes": [{"text": "首次登录必须修改密码", "source": "某市住房公积金管理中心通知（2026-03-01）"}],
  "examples": {"accepted": ["Korb-7-Lampe"], "refused": ["Korb-x-Lampe", "woaini1314", "msgjj-82-kvq"]}
}`

func ExampleParsePolicy() {
	p, err := passwd.ParsePolicy([]byte(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	owner := passwd.Subject{IDType: "01", Name: "王小明", Phone: "13902746185"}
	for _, b := range p.Check(passwd.NewSecret("xiaoming-kv-6185"), owner) {
		fmt.Println(b.Rule, b.Code, b.Message)
	}
	for _, g := range passwd.Grades(p.Lint()) {
		fmt.Println(g.Standard, g.Grade)
	}
	// Output:
	// phone CONTAINS_PHONE 密码不能包含手机号码中连续4位或以上的数字
	// name CONTAINS_NAME 密码不能包含您的姓名、姓名的拼音或拼音首字母
	// NIST SP 800-63B-4 failed as declared
	// OWASP ASVS 5.0 failed as declared
	// GB/T 22239-2019 met with weaknesses
}

// Citizens read the messages; none of them contains the password.
func ExamplePolicy_Check() {
	owner := passwd.Subject{IDType: "01", IDNumber: "990101199003070015", Name: "王小明", Phone: "13902746185"}
	for _, typed := range []string{"wang19900307", "asdf1234", "Korb-7-Lampe"} {
		broken := passwd.Default().Check(passwd.NewSecret(typed), owner)
		fmt.Println(len(broken) == 0)
		for _, b := range broken {
			fmt.Println("-", b.Code, b.Message)
		}
	}
	// Output:
	// false
	// - CONTAINS_ID 密码不能包含证件号码中连续4位或以上的字符
	// - CONTAINS_BIRTHDAY 密码不能包含您的出生日期
	// - CONTAINS_NAME 密码不能包含您的姓名、姓名的拼音或拼音首字母
	// false
	// - COMMON 密码过于常见，请换一个
	// - SEQUENCE 密码不能包含4个或以上连续的数字、字母或键盘相邻的按键
	// true
}

// A hash contains neither the password nor the pepper, and differs each time.
func ExampleHasher() {
	file, err := keys.NewPepperKey()
	if err != nil {
		log.Fatal(err)
	}
	pepper, err := keys.ParsePepper(file)
	if err != nil {
		log.Fatal(err)
	}
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: pepper})
	defer hasher.Close()
	ctx := context.Background()
	hash, err := hasher.Hash(ctx, passwd.NewSecret("Korb-7-Lampe"))
	if err != nil {
		log.Fatal(err)
	}
	cost, _, _ := strings.Cut(hash, ",kid=")
	fmt.Println(cost)
	right, upgrade, err := hasher.Verify(ctx, hash, passwd.NewSecret("Korb-7-Lampe"))
	fmt.Println(right, upgrade, err)
	wrong, _, err := hasher.Verify(ctx, hash, passwd.NewSecret("Korb-8-Lampe"))
	fmt.Println(wrong, err)
	// Output:
	// $argon2id$v=19$m=19456,t=2,p=1
	// true false <nil>
	// false <nil>
}

// A password prints as [secret], so that no log shows it.
func ExampleSecret() {
	typed := passwd.NewSecret("Korb-7-Lampe")
	fmt.Printf("%v %+v %q\n", typed, struct{ Password passwd.Secret }{typed}, typed)
	// Output:
	// [secret] {Password:[secret]} [secret]
}
