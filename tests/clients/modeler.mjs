// The requests that the deploy and start buttons of Camunda Modeler 5 make, by the same API of the platform.
const [baseUrl, username, password, name] = process.argv.slice(2);
const headers = { accept: "application/json", authorization: `Basic ${btoa(`${username}:${password}`)}` };
let diagram = "";
for await (const chunk of process.stdin) diagram += chunk;

const form = new FormData();
form.append("deployment-name", name);
form.append("deployment-source", "Camunda Modeler");
form.append("enable-duplicate-filtering", "true");
form.append(`${name}.bpmn`, new Blob([diagram], { type: "text/xml" }), `${name}.bpmn`);
form.append("note.json", new Blob(["{}"]), "note.json");

const version = await (await fetch(`${baseUrl}/version`, { headers })).json();
const reached = (await fetch(`${baseUrl}/deployment?maxResults=0`, { headers })).status;
const deployed = await fetch(`${baseUrl}/deployment/create`, { method: "POST", body: form, headers });
const deployment = await deployed.json();
const told = { version, reached, status: deployed.status, deployment };
if (deployed.ok) {
  const [definition] = Object.values(deployment.deployedProcessDefinitions ?? {});
  const started = await fetch(`${baseUrl}/process-definition/${definition.id}/start`, {
    method: "POST",
    body: JSON.stringify({ businessKey: "default", variables: { wish: { value: "none", type: "String" } } }),
    headers: { ...headers, "content-type": "application/json" },
  });
  told.instance = await started.json();
}
console.log(JSON.stringify(told));
