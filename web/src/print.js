// A button that prints, where there is a script to press it.

const button = document.getElementById("print");
if (button) {
  button.hidden = false;
  button.onclick = () => print();
}
