// The platform's confirmation dialog for actions that are hard to undo.

/**
 * @param {{title: string, text: string, yes: string, no: string}} question
 * @returns {Promise<boolean>}
 */
module.exports = ({ title, text, yes, no }) => new Promise((resolve) => {
  my.confirm({
    title,
    content: text,
    confirmButtonText: yes,
    cancelButtonText: no,
    success: (r) => resolve(r.confirm),
    fail: () => resolve(false),
  });
});
