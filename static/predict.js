// An article's predictions work without this script: what happens is in a details element. With it, a choice opens that
// element and is told whether it was right. Nothing is kept beyond the page.

// Arrow keys choose each radio button that they pass, so a choice made with them counts only when it is settled: by
// Enter, the space bar, or by going elsewhere.
function startPrediction(section) {
  const fieldset = section.querySelector("fieldset");
  const details = section.querySelector("details");
  const verdict = section.querySelector("[data-told]");
  const chosen = () => fieldset.querySelector("input:checked")?.closest("label");
  let passing = false;

  const settle = () => {
    passing = false;
    const choice = chosen();
    if (!choice) return;
    for (const label of fieldset.querySelectorAll("label")) {
      label.classList.toggle("right", label.hasAttribute("data-right"));
      label.classList.toggle("missed", label === choice && !label.hasAttribute("data-right"));
    }
    details.open = true;
    const right = fieldset.querySelector("[data-right] span").textContent;
    verdict.textContent = choice.hasAttribute("data-right") ? "Right." : `Not quite: it is \u201c${right}\u201d.`;
  };

  fieldset.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow")) passing = true;
    else if (event.key === "Enter" || event.key === " ") setTimeout(settle); // once the key has chosen
  });
  fieldset.addEventListener("pointerdown", () => (passing = false));
  fieldset.addEventListener("change", () => passing || settle());
  fieldset.addEventListener("focusout", (event) => passing && !fieldset.contains(event.relatedTarget) && settle());
  section.dataset.live = "";
}

for (const section of document.querySelectorAll("[data-predict]")) startPrediction(section);
