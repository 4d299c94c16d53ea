package signing
import ("testing";"net/url";"fmt")
func BenchmarkZ(b *testing.B){
	form := url.Values{"app_id": {"2021000000000001"}, "notify_id": {"2026010200222030405000000000001"}, "notify_time": {"2026-01-02 03:04:05"},
		"notify_type": {"trade_status_sync"}, "charset": {"utf-8"}, "version": {"1.0"},
		"subject": {"公积金 a+b & c=d 100%"}, "body": {""}, "fund_bill_list": {`[{"amount":"0.01","fundChannel":"PCREDIT"}]`}}
	for i := range 11 { form.Set(fmt.Sprintf("trade_parameter_%c", "abcdefghijk"[i]), fmt.Sprintf("value number %d/2026-01-02", i)) }
	t,_:=Canonical(form, NotifyV1)
	form.Set("sign", mustSign(b, alipayKey(), t)); form.Set("sign_type","RSA2")
	body:=[]byte(form.Encode())
	ring:=testRing(b)
	b.Run("parse",func(b *testing.B){ for b.Loop(){ var f form_; if f.parse(body)!=nil{b.Fatal()} }})
	var f form_; f.parse(body)
	b.Run("checks",func(b *testing.B){ for b.Loop(){ f.checkSign(); f.family(); f.checkApp(ring,FamilyTrade)}})
	b.Run("text",func(b *testing.B){ var room [4096]byte; for b.Loop(){ f.text(room[:0],NotifyV1,"")}})
	b.Run("sign",func(b *testing.B){ for b.Loop(){ var room [4096]byte; s,_:=f.get("sign"); appendSignature(room[:0:512],s)}})
	b.Run("room",func(b *testing.B){ for b.Loop(){ var room [4096]byte; s,_:=f.get("sign"); room[5]=1; appendSignature(room[:0:512],s[:4])}})
	b.Run("keys",func(b *testing.B){ for b.Loop(){ ring.AlipayKeys()}})
	b.Run("read",func(b *testing.B){ for b.Loop(){ n:=Notification{Family:FamilyTrade}; f.read(&n)}})
}
type form_ = form
