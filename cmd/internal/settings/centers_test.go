package settings

import (
	"errors"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
)

// twoCenters returns the environments of two centres, and their entries.
func twoCenters(t *testing.T) (a, b *cmdtest.CenterEntry) {
	t.Helper()
	return oneEntry(t, "hangzhou", "2021000000000101"), oneEntry(t, "ningbo", "2021000000000102")
}

func oneEntry(t *testing.T, center, app string) *cmdtest.CenterEntry {
	t.Helper()
	s := cmdtest.NewBareEnv(t)
	s.Center, s.AppID = center, app
	return &cmdtest.CenterEntry{Env: s, Hosts: []string{center + ".example.cn"}, Path: center, Set: cmdtest.Values{}}
}

func stdioOf(env cmdtest.Values) terminal.Stdio { return terminal.Stdio{Getenv: cmdtest.GetenvOf(env)} }

func TestCenters(t *testing.T) {
	t.Parallel()
	a, b := twoCenters(t)
	a.Hosts = []string{"GJJ.Example.cn"}
	a.Set["FUNDPASS_APP_KEY_FILE"] = "app_private_key.pem" // beside the centre's file
	b.Set["FUNDPASS_CENTER"] = ""                          // the file of centres suffices
	a.Set["FUNDPASS_PROOF"] = "face"
	c, wrong := ReadCenters(stdioOf(cmdtest.WriteCenters(t, t.TempDir(), *a, *b)))
	cmdtest.NoError(t, errors.Join(wrong...))
	if len(c.All) != 2 || c.All[0].ID != "hangzhou" || c.All[0].Hosts[0] != "gjj.example.cn" || c.All[1].Path != "ningbo" {
		t.Fatalf("got %+v", c.All)
	}
	first, second := c.All[0].Settings, c.All[1].Settings
	if first.AppKeyFile != a.Env.Path("app_private_key.pem") || first.Proof != "face" || second.Proof != "certdoc" {
		t.Errorf("key %s, proofs %s and %s", first.AppKeyFile, first.Proof, second.Proof)
	}
	for _, s := range []Settings{first, second, c.Process} {
		if s.DatabaseURL != a.Env.DSN || s.Environment != "test" || len(s.TrustedProxies) != 1 {
			t.Errorf("settings of the process are missing: %+v", s)
		}
	}
	if first.Center != "hangzhou" || second.Center != "ningbo" || second.AppID != "2021000000000102" || c.Process.AppID != "" {
		t.Errorf("centres %s and %s", first.Center, second.Center)
	}
}

// TestCentersWebsite checks that a centre may have no website while another has one.
func TestCentersWebsite(t *testing.T) {
	t.Parallel()
	a, b := twoCenters(t)
	a.Set["FUNDPASS_WEBSITE_ORIGIN"] = "https://gjj.hangzhou.example"
	env := cmdtest.WriteCenters(t, t.TempDir(), *a, *b)
	_, wrong := ReadCenters(stdioOf(env))
	if text := errors.Join(wrong...).Error(); !strings.Contains(text, "centre hangzhou: FUNDPASS_WEBSITE_ADDR: ") {
		t.Errorf("an origin without an address: %s", text)
	}
	env["FUNDPASS_WEBSITE_ADDR"] = "127.0.0.1:0"
	c, wrong := ReadCenters(stdioOf(env))
	cmdtest.NoError(t, errors.Join(wrong...))
	if c.All[0].Settings.WebsiteAddr == "" || c.All[1].Settings.WebsiteAddr != "" {
		t.Error("the wrong centre has a website")
	}
}

// TestCentersRefused checks that each mistake is reported with its centre and setting, in both
// languages, and without the value of a setting.
func TestCentersRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		change  func(a, b *cmdtest.CenterEntry, env cmdtest.Values)
		english string
		chinese string
	}{
		{"same centre", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Env.Center = "Hangzhou" },
			"FUNDPASS_CENTERS_FILE: centres hangzhou and Hangzhou have the same center: hangzhou", "中心 hangzhou 和 Hangzhou 的 center 相同"},
		{"the demo's", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Env.Center = "demo" },
			`centre demo: FUNDPASS_CENTER: is "demo"`, "中心 demo：FUNDPASS_CENTER："},
		{"another script", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Env.Center = "杭州" },
			"centre 杭州: FUNDPASS_CENTER: is not 1 to 32 letters", "中心 杭州：FUNDPASS_CENTER：不是"},
		{"no name", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) {
			b.Env.Center, b.Set["FUNDPASS_CENTER"] = "", ""
		}, "centre 2: center is missing", "第 2 个中心：缺少 center"},
		{"same application", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Env.AppID = a.Env.AppID },
			"centres hangzhou and ningbo have the same FUNDPASS_APP_ID: 2021000000000101", "的 FUNDPASS_APP_ID 相同"},
		{"same host", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Hosts = []string{"HANGZHOU.example.cn"} },
			"have the same host: hangzhou.example.cn", "的 host 相同"},
		{"same path", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Path = "hangzhou" },
			"have the same path: hangzhou", "的 path 相同"},
		{"same pepper", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) {
			b.Set["FUNDPASS_PEPPER_FILE"] = a.Env.Path("pepper.key")
		}, "have the same FUNDPASS_PEPPER_FILE: ", "的 FUNDPASS_PEPPER_FILE 相同"},
		{"same origin", func(a, b *cmdtest.CenterEntry, env cmdtest.Values) {
			env["FUNDPASS_WEBSITE_ADDR"] = "127.0.0.1:0"
			a.Set["FUNDPASS_WEBSITE_ORIGIN"], b.Set["FUNDPASS_WEBSITE_ORIGIN"] = "https://gjj.example.cn", "https://gjj.example.cn"
		}, "have the same FUNDPASS_WEBSITE_ORIGIN: gjj.example.cn", "相同"},
		{"a path as host", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Hosts = []string{"gjj.example.cn/ningbo"} },
			`centre ningbo: "gjj.example.cn/ningbo" is not a host such as`, "中心 ningbo："},
		{"a URL as host", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Hosts = []string{"https://gjj.example.cn"} },
			"is not a host such as", "不是 gjj.example.cn 这样的主机名"},
		{"path with slashes", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Path = "/ningbo" },
			"centre ningbo: path is not one segment", "中心 ningbo：path 须为一段"},
		{"path of the API", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Path = "v1" },
			"centre ningbo: path v1 is one of the API's own", "中心 ningbo：path v1 是接口自己的路径"},
		{"neither", func(a, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Path, b.Hosts = "", nil },
			"centre ningbo: has neither hosts nor a path", "中心 ningbo：既没有 hosts 也没有 path"},
		{"a centre's setting outside", func(_, _ *cmdtest.CenterEntry, env cmdtest.Values) { env["FUNDPASS_PROOF"] = "canary" },
			"FUNDPASS_PROOF: is a setting of one centre", "FUNDPASS_PROOF：是单个中心的设置"},
		{"wrong setting of the process", func(_, _ *cmdtest.CenterEntry, env cmdtest.Values) { env["FUNDPASS_ADDR"] = "canary" },
			"FUNDPASS_ADDR: is not host:port", "FUNDPASS_ADDR："},
		{"wrong setting of a centre", func(_, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Set["FUNDPASS_PROOF"] = "canary" },
			"centre ningbo: FUNDPASS_PROOF: is neither none nor a list", "中心 ningbo：FUNDPASS_PROOF："},
		{"misspelt setting", func(_, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Set["FUNDPASS_PROFF"] = "canary" },
			"centre ningbo: FUNDPASS_PROFF: is not a setting; did you mean FUNDPASS_PROOF?", "中心 ningbo：FUNDPASS_PROFF："},
		{"missing key", func(_, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Set["FUNDPASS_COLUMN_KEY_FILE"] = "canary/none" },
			"centre ningbo: FUNDPASS_COLUMN_KEY_FILE: ", "中心 ningbo：FUNDPASS_COLUMN_KEY_FILE："},
		{"another centre", func(_, b *cmdtest.CenterEntry, _ cmdtest.Values) { b.Set["FUNDPASS_CENTER"] = "wenzhou" },
			"centre ningbo: FUNDPASS_CENTER: is wenzhou, but FUNDPASS_CENTERS_FILE says ningbo (", "是 wenzhou，而"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := twoCenters(t)
			outside := cmdtest.Values{}
			c.change(a, b, outside)
			env := cmdtest.WriteCenters(t, t.TempDir(), *a, *b)
			for name, value := range outside {
				env[name] = value
			}
			_, wrong := ReadCenters(stdioOf(env))
			if len(wrong) == 0 {
				t.Fatal("accepted")
			}
			english, chinese := terminal.English.Of(errors.Join(wrong...)), terminal.Chinese.Of(errors.Join(wrong...))
			if !strings.Contains(english, c.english) || !strings.Contains(chinese, c.chinese) || len(wrong) != 1 {
				t.Errorf("%d problems:\n%s\n%s", len(wrong), english, chinese)
			}
			if c.name != "missing key" && strings.Contains(english, "canary") {
				t.Errorf("the value is shown: %s", english)
			}
		})
	}
}

// TestCentersProcessSetting checks that a centre cannot set what belongs to the process; the
// error names the centre, the setting and the line of the file.
func TestCentersProcessSetting(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"FUNDPASS_ADDR", "FUNDPASS_DATABASE_URL", "FUNDPASS_TRUSTED_PROXIES", "FUNDPASS_ENVIRONMENT", "FUNDPASS_CENTERS_FILE", "FUNDPASS_DRAIN_DELAY"} {
		a, b := twoCenters(t)
		env := cmdtest.WriteCenters(t, t.TempDir(), *a, *b)
		b.Env.Write("center.env", name+"=canary\n"+string(b.Env.Read("center.env")))
		_, wrong := ReadCenters(stdioOf(env))
		text := errors.Join(wrong...).Error()
		if want := "centre ningbo: " + name + ": is a setting of the whole process"; len(wrong) != 1 || !strings.Contains(text, want) || !strings.Contains(text, "center.env:1)") || strings.Contains(text, "canary") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// TestCentersAllAtOnce checks that the problems of the process, the file and every centre come
// together.
func TestCentersAllAtOnce(t *testing.T) {
	t.Parallel()
	a, b := twoCenters(t)
	a.Set["FUNDPASS_RESET"], b.Set["FUNDPASS_APP_ID"], b.Path = "x", "", "v1"
	env := cmdtest.WriteCenters(t, t.TempDir(), *a, *b)
	env["FUNDPASS_OPS_ADDR"] = "x"
	_, wrong := ReadCenters(stdioOf(env))
	text := errors.Join(wrong...).Error()
	for _, want := range []string{"centre hangzhou: FUNDPASS_RESET", "centre ningbo: FUNDPASS_APP_ID", "path v1", "FUNDPASS_OPS_ADDR"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%s is reported %d times:\n%s", want, strings.Count(text, want), text)
		}
	}
}

// TestCentersFile checks files that are none.
func TestCentersFile(t *testing.T) {
	t.Parallel()
	a, b := twoCenters(t)
	env := cmdtest.WriteCenters(t, a.Env.Dir, *a, *b)
	good := string(a.Env.Read("centers.json"))
	for name, content := range map[string]string{
		"no JSON": "centers:", "empty": "", "unknown member": strings.Replace(good, `"path"`, `"paths"`, 1), "two values": good + "{}",
		"no centre": `{"centers":[]}`, "no file of settings": `{"centers":[{"center":"x","path":"x"}]}`, "absent file": `{"centers":[{"center":"x","path":"x","env_file":"none.env"}]}`,
		"a list": "[]", "too long": strings.Repeat(" ", 1<<16) + good,
	} {
		a.Env.Write("centers.json", content)
		_, wrong := ReadCenters(stdioOf(env))
		if len(wrong) == 0 || !strings.Contains(errors.Join(wrong...).Error(), "FUNDPASS_CENTERS_FILE: ") {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

func TestOneCenter(t *testing.T) {
	t.Parallel()
	a, b := twoCenters(t)
	a.Set["FUNDPASS_PROOF"] = "x" // does not concern the other centre
	env := cmdtest.WriteCenters(t, t.TempDir(), *a, *b)
	getenv, err := OneCenter(stdioOf(env), "ningbo")
	cmdtest.NoError(t, err)
	s, err := Read(getenv)
	cmdtest.NoError(t, err)
	if s.Center != "ningbo" || s.AppID != "2021000000000102" || s.DatabaseURL == "" || s.CentersFile != "" {
		t.Errorf("got %+v", s)
	}
	for id, want := range map[string]string{"": "--center is required", "wenzhou": "--center wenzhou is not in"} {
		if _, err := OneCenter(stdioOf(env), id); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "hangzhou, ningbo") {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := OneCenter(stdioOf(a.Env.Env()), "hangzhou"); err == nil || !strings.Contains(err.Error(), "needs FUNDPASS_CENTERS_FILE") {
		t.Errorf("without a file: %v", err)
	}
	if getenv, err := OneCenter(stdioOf(a.Env.Env()), ""); err != nil || getenv("FUNDPASS_CENTER") != "hangzhou" {
		t.Errorf("one centre: %v", err)
	}
}
