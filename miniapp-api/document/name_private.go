package document

// gbkPrivateFirst is the first of 80 private-use characters, U+E815 to U+E864, by which systems
// represent the GBK characters FE50 to FEA0 that Unicode lacked at the time. A known case is
// 王䶮.
const gbkPrivateFirst = '\ue815'

// gbkPrivate holds their Unicode successors, in order. Source: the mapping tables of GB
// 18030-2005 and GB 18030-2022.
var gbkPrivate = []rune("" +
	"⺁𠂇𠂉𠃌⺄㑳㑇⺈⺋龴㖞㘚㘎⺌⺗㥮㤘龵㧏㧟" +
	"㩳㧐龶龷㭎㱮㳠⺧𡗗龸⺪䁖䅟⺮䌷⺳⺶⺷𢦏䎱" +
	"䎬⺻䏝䓖䙡䙌龹䜣䜩䝼䞍⻊䥇䥺䥽䦂䦃䦅䦆䦟" +
	"䦛䦷䦶龺𤇾䲣䲟䲠䲡䱷䲢䴓䴔䴕䴖䴗䴘䴙䶮龻")
