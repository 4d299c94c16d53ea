// Elder mode: large type and large tap targets. The choice is stored on the phone.
const KEY = 'elder';

module.exports = {
  on: () => my.getStorageSync({ key: KEY }).data === true,
  /** @param {boolean} on */
  set(on) {
    my.setStorageSync({ key: KEY, data: on });
  },
};
