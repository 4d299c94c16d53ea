// On a narrow screen the panels beside the phone come as a sheet over it.

const $ = (id) => document.getElementById(id);
const narrow = matchMedia('(width < 800px)');

/** Makes the buttons below the phone open their panels. @param {string[]} panels */
export function prepareSheet(panels) {
  for (const panel of panels) $(`open-${panel}`).addEventListener('click', () => open(panel));
  $('sheet-close').addEventListener('click', closeSheet);
  $('sheet').addEventListener('click', (e) => { if (e.target === $('sheet')) closeSheet(); }); // beside it
  $('sheet').addEventListener('close', () => {
    const panel = $('sheet-body').firstElementChild;
    if (panel) $(`${panel.id}-home`).append(panel);
  });
  narrow.addEventListener('change', place);
  place();
}

/** The links are at the top of the page, or where there is none, below the people. */
function place() {
  closeSheet();
  $(narrow.matches ? 'people' : 'top').append($('links'));
}

function open(panel) {
  $('sheet-body').append($(panel));
  $('sheet').setAttribute('aria-labelledby', `${panel}-title`);
  $('sheet').showModal();
}

export function closeSheet() {
  if ($('sheet').open) $('sheet').close();
}
