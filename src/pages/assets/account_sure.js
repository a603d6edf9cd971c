// A question before what cannot be taken back. It takes the button's place, so that no second window gets in the way.

/** Asks before `act`: `group` has a button `data-yes` and one `data-no`. */
export function askFirst(button, group, act) {
  const [yes, no] = ['[data-yes]', '[data-no]'].map((which) => group.querySelector(which));
  const ask = (is) => {
    group.hidden = !is;
    button.hidden = is;
    (is ? no : button).focus();
  };
  button.addEventListener('click', () => ask(true));
  no.addEventListener('click', () => ask(false));
  group.addEventListener('keydown', ({ key }) => key === 'Escape' && ask(false));
  yes.addEventListener('click', () => {
    ask(false);
    act();
  });
}
