// 结果: shows the outcome. If it is unknown, the page queries it, but never sends a password
// again.
const screen = require('../../lib/screen.js');
const outcome = require('../../lib/outcome.js');
const { sameText, time } = require('../../lib/words.js');

/** The number of automatic queries and the seconds between them. */
const QUESTIONS = 3;
const BETWEEN = 2;

/** The states that mean, at the last query, that the request did not arrive. */
const CAME_TO_NOTHING = ['open', 'cancelled', 'expired', 'started', 'passed', 'failed'];

/** The texts of an outcome; a reset and a recovery have their own. @type {Record<string, {title: string, text: string}>} */
const TEXTS = {
  unknown: { title: '正在确认结果', text: '暂未收到办理结果，请勿重复提交。新密码可能已经生效。' },
  done: { title: '密码修改成功', text: '请使用新密码办理业务。' },
  resets: { title: '新密码设置成功', text: '原密码已作废，请使用新密码办理业务。' },
  recoveries: { title: '已绑定，新密码设置成功', text: '原密码已作废，请使用新密码办理业务。' },
  not: { title: '密码未修改', text: '本次修改没有完成，请继续使用原密码，或重新办理。' },
};

screen({
  data: { done: false, failed: false, title: '', text: '', changedAt: '', ended: '', same: '' },

  onLoad() {
    const result = outcome.take();
    if (!result) return this.finish(); // nothing was done before
    this.result = result;
    this.show(result);
    if (!this.data.done) return this.askAgain();
  },

  /** @param {outcome.Outcome} result */
  show(result) {
    const done = result.state === 'done';
    const failed = CAME_TO_NOTHING.includes(result.state);
    this.setData(Object.assign({
      done,
      failed,
      changedAt: time(result.changed_at),
      ended: result.sessions_ended ? `已退出${result.sessions_ended}个` : '',
      same: done ? sameText(this.result.channels || []) : '',
    }, done ? TEXTS[this.result.kind] || TEXTS.done : failed ? TEXTS.not : TEXTS.unknown));
  },

  askAgain() {
    return this.run(async () => {
      for (let n = 1; this.result.id && n <= QUESTIONS; n++) {
        const path = `/v1/password/${this.result.kind}/${this.result.id}`;
        const now = await this.call({ path });
        const settled = now.state === 'done' || now.state === 'cancelled' || now.state === 'expired' || n === QUESTIONS;
        if (settled) return this.show(now);
        await new Promise((resolve) => setTimeout(resolve, BETWEEN * 1000));
      }
    });
  },

  finish() {
    my.reLaunch({ url: '/pages/home/index' });
  },

  notMe() {
    my.redirectTo({ url: '/pages/freeze/index' });
  },
});
