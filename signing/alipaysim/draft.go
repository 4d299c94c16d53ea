package alipaysim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fundpass/keys/calendar"
)

// A draft is the content of a notice before it is signed.
type draft struct {
	app      string // the mini-program
	receiver string // app, or the third-party application that serves it
	now      time.Time
	about    Person
	charset  string
	kind     string
}

// composer returns the function that builds notices of kind, or nil if there is none.
func composer(kind string) func(draft) url.Values {
	switch {
	case kind == "alipay.service.check", kind == "alipay.mobile.public.message.notify":
		return draft.service
	case kind == "trade_status_sync":
		return draft.trade
	case kind == "servicemarket_order_notify":
		return draft.event
	case kind == kindGranted:
		return draft.granted
	case strings.HasPrefix(kind, "spi."):
		return draft.spi
	case strings.HasPrefix(kind, "alipay."):
		return draft.message
	}
	return nil
}

func (d draft) notifyID() string { return d.now.In(calendar.Beijing).Format("20060102") + randomHex() }

func (d draft) millis() string { return strconv.FormatInt(d.now.UnixMilli(), 10) }

// message builds a From-Ant message, version 1.1 over HTTP.
func (d draft) message() url.Values {
	return url.Values{
		"version":       {"1.1"},
		"msg_method":    {d.kind},
		"utc_timestamp": {d.millis()},
		"notify_id":     {d.notifyID()},
		"app_id":        {d.receiver},
		"biz_content":   {d.content()},
	}
}

// busyGBK is 系统繁忙 in GBK.
const busyGBK = "\xcf\xb5\xcd\xb3\xb7\xb1\xc3\xa6"

// content returns the biz_content of a From-Ant message.
func (d draft) content() string {
	stamp := d.millis()
	switch d.kind {
	case "alipay.open.auth.appauth.cancelled":
		return `{"app_id":"` + d.receiver + `","auth_app_id":"` + d.app + `","cancel_time":` + stamp + `}`
	case "alipay.open.mini.version.audit.passed":
		return `{"mini_app_id":"` + d.app + `","mini_app_version":"1.0.0","audit_time":"` + stamp + `"}`
	case "alipay.open.mini.version.audit.rejected":
		reason := "系统繁忙"
		if d.charset == "GBK" {
			reason = busyGBK
		}
		return `{"mini_app_id":"` + d.app + `","mini_app_version":"1.0.0","audit_reason":"` + reason + `","audit_time":"` + stamp + `"}`
	case "alipay.open.app.api.field.changed":
		return `{"app_id":"` + d.app + `","field_name":"mobile","status":"AGREE"}`
	}
	content, err := json.Marshal(struct {
		CancelTime int64 `json:"cancel_time"` // ms since 1970
		identity
		AppID string `json:"app_id"`
	}{d.now.UnixMilli(), identity{d.about.UserID, d.about.OpenID}, d.app})
	if err != nil {
		panic(err) // cannot fail for this struct
	}
	return string(content)
}

// trade builds an asynchronous notification of a trade, as posted to a notify_url.
func (d draft) trade() url.Values {
	return url.Values{
		"version":         {"1.0"},
		"notify_type":     {d.kind},
		"notify_id":       {d.notifyID()},
		"notify_time":     {d.now.In(calendar.Beijing).Format(time.DateTime)},
		"app_id":          {d.receiver},
		"auth_app_id":     {d.app},
		"body":            {""},
		"subject":         {"a+b & c=d 100% "},
		"passback_params": {"merchantBizType%3d3C%26x"},
		"out_trade_no":    {"GJJ0001"},
		"total_amount":    {"0.01"},
		"trade_status":    {"TRADE_SUCCESS"},
	}
}

// event builds a message of the service market.
func (d draft) event() url.Values {
	return url.Values{
		"version":            {"1.0"},
		"method":             {"alipay.open.servicemarket.order.notify"},
		"notify_type":        {d.kind},
		"notify_id":          {d.notifyID()},
		"notify_time":        {d.now.In(calendar.Beijing).Format(time.DateTime)},
		"app_id":             {d.receiver},
		"commodity_order_id": {"2019030800000000000001"},
		"title":              {"invented & sold"},
		"total_price":        {"0.00"},
	}
}

// service builds a message whose biz_content is XML.
func (d draft) service() url.Values {
	event := "verifygw"
	if d.kind != "alipay.service.check" {
		event = "follow"
	}
	var b strings.Builder
	b.WriteString("<XML>")
	for _, element := range [][2]string{{"AppId", d.receiver}, {"FromUserId", d.about.UserID}, {"CreateTime", d.millis()},
		{"MsgType", "event"}, {"EventType", event}, {"ActionParam", ""}} {
		fmt.Fprintf(&b, "<%s><![CDATA[%s]]></%[1]s>", element[0], element[1])
	}
	b.WriteString("</XML>")
	return url.Values{"service": {d.kind}, "biz_content": {b.String()}}
}

// spi builds an SPI call. Its utc_timestamp is in seconds.
func (d draft) spi() url.Values {
	form := url.Values{
		"version":       {"1.0"},
		"method":        {d.kind},
		"utc_timestamp": {strconv.FormatInt(d.now.Unix(), 10)},
		"app_id":        {d.receiver},
		"biz_app_id":    {d.app},
		"request_no":    {randomHex()},
	}
	if id := d.about.OpenID; id != "" {
		form.Set("open_id", id)
	}
	if id := d.about.UserID; id != "" {
		form.Set("user_id", id)
	}
	return form
}
