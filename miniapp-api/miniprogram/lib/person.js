// The citizen as a form states them; parts/person.axml shows its fields.
const { idTypes } = require('./words.js');

/** The data of such a page. */
const data = { types: idTypes, typeIndex: 0, name: '', id_type: '', id_number: '', account_no: '' };

/** The texts of required fields. */
const asked = { name: '请输入姓名', id_number: '请输入证件号码' };

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** @param {any} e */
  chooseType(e) {
    this.setData({ typeIndex: Number(e.detail.value), 'wrong.id_type': '' });
  },

  /** Returns the person that the form states. */
  holder() {
    const { name, id_number, typeIndex } = this.data;
    return { name, id_type: idTypes[typeIndex].code, id_number };
  },
};

module.exports = { asked, data, methods };
