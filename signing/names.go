package signing

import "strings"

// knownNames are the names of the parameters that Alipay documents. embedsParam rejects
// values that contain one of them as "&name=", and errors quote no other names.
// Sources: Alipay open platform, "message service" (From-Ant), "asynchronous
// notification parameters" of trades, the service-market and authorisation events,
// "SPI: public parameters".
var knownNames = func() map[string]bool {
	names := make(map[string]bool)
	for _, name := range strings.Fields(`
		alipay_cert_sn app_auth_token app_id auth_app_id biz_app_id biz_content charset encrypt_type
		invoke_app_id merchant_app_id method msg_app_id msg_id msg_method msg_type msg_uid notify_id
		notify_time notify_type service sign sign_type status timestamp utc_timestamp version

		body buyer_id buyer_logon_id buyer_open_id buyer_pay_amount fund_bill_list gmt_close gmt_create
		gmt_payment gmt_refund invoice_amount out_biz_no out_trade_no passback_params point_amount
		receipt_amount refund_fee seller_email seller_id subject total_amount trade_no trade_status
		voucher_detail_list

		commodity_order_id contactor merchant_pid name open_id order_item_num order_ticket order_time
		phone specifications title total_price user_id`) {
		names[name] = true
	}
	return names
}()
