// A report in a file: the data stand in the page.

new RunPage().show(JSON.parse(document.getElementById("data").textContent));
