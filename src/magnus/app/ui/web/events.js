// Events of the server, as long as the page can be seen: a browser opens few connections to one server at a time.

const AGAIN_MILLISECONDS = 1000;

const banner = element("p", { class: "banner", role: "status", hidden: true });
const troubles = new Map();

// Say what is wrong with the server or its store; "" for what is over.
function trouble(about, text) {
  if (text) troubles.set(about, text);
  else troubles.delete(about);
  const [first = ""] = troubles.values();
  if (banner.textContent !== first) banner.textContent = first;
  banner.hidden = first === "";
}

// Call a handler for each event, by its name, with its data. `address` gives the address to follow now.
function follow(about, address, handlers) {
  let source = null;
  let timer = 0;
  let isOver = false;

  function close() {
    source?.close();
    source = null;
    clearTimeout(timer);
    trouble(about, "");
  }

  function open() {
    clearTimeout(timer);
    if (source || isOver || document.hidden) return;
    source = new EventSource(address());
    source.addEventListener("open", () => trouble(about, ""));
    source.addEventListener("recovered", () => trouble(about, ""));
    source.addEventListener("over", () => {
      isOver = true;
      close();
      handlers.over?.();
    });
    source.addEventListener("error", () => {
      close();
      trouble(about, "magnus ui does not answer; what is here may be old. Start it again, and the page goes on.");
      timer = setTimeout(open, AGAIN_MILLISECONDS);
    });
    for (const [name, handle] of Object.entries({ problem: (text) => trouble(about, text), ...handlers })) {
      if (name !== "over") source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
  }

  const turn = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", turn);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  open();
  return () => {
    isOver = true;
    close();
    document.removeEventListener("visibilitychange", turn);
    window.removeEventListener("pagehide", close);
    window.removeEventListener("pageshow", open);
  };
}
