(function () {
  "use strict";
  const root = document.documentElement;
  const body = document.body;
  const place = document.getElementById("place");
  const screens = [...document.querySelectorAll(".screen")];
  let current = 0;

  document.querySelector(".controls").hidden = false;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  document.getElementById("project").addEventListener("click", project);

  function show(number) {
    current = Math.max(0, Math.min(screens.length - 1, number));
    screens.forEach((screen, index) => screen.classList.toggle("current", index === current));
    place.textContent = `${current + 1} / ${screens.length}`;
    scrollTo(0, 0);
  }

  function project() {
    body.classList.add("projector");
    place.hidden = false;
    show(Math.max(0, screens.findIndex((screen) => `#${screen.id}` === location.hash)));
  }

  function leave() {
    body.classList.remove("projector");
    place.hidden = true;
    screens[current].scrollIntoView();
  }

  // Up and down scroll a chart that is taller than the screen, and turn the page at its end.
  function scrolls(key) {
    const rest = body.scrollHeight - innerHeight - scrollY;
    return (key === "ArrowDown" && rest > 2) || (key === "ArrowUp" && scrollY > 2);
  }

  const steps = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!body.classList.contains("projector")) {
      if (event.key === "p" || event.key === "P") project();
      return;
    }
    if (event.key === "Escape" || event.key === "p" || event.key === "P") leave();
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(screens.length - 1);
    else if (event.key in steps && !scrolls(event.key)) show(current + steps[event.key]);
    else return;
    event.preventDefault();
  });

  if (location.hash.endsWith(":project")) {
    location.hash = location.hash.slice(0, -":project".length);
    project();
  }
})();
