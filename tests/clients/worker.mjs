// Camunda's JavaScript worker as people write one. Works until its standard input is closed.
import { BasicAuthInterceptor, Client, File, Variables } from "camunda-external-task-client-js";

const [baseUrl, username, password] = process.argv.slice(2);
const tell = (what, about = {}) => console.log(JSON.stringify({ what, ...about }));

const client = new Client({
  baseUrl,
  workerId: "javascript",
  asyncResponseTimeout: 20_000,
  lockDuration: 30_000,
  interval: 10,
  interceptors: new BasicAuthInterceptor({ username, password }),
});
for (const event of ["poll", "complete", "handleFailure", "handleBpmnError", "extendLock", "handler"]) {
  client.on(`${event}:error`, (first, second) => tell(`${event} failed`, { why: String(second ?? first) }));
}

const wishes = {
  async complete(task, taskService) {
    const result = new Variables()
      .set("text", "täxt")
      .set("whole", task.variables.get("amount") + 1)
      .set("large", 2 ** 40)
      .set("part", 2.5)
      .set("flag", true)
      .set("nothing", null)
      .set("items", [...task.variables.get("items"), { more: 1 }])
      .set("moment", new Date("2026-03-02T12:00:00Z"));
    await taskService.complete(task, result, new Variables().set("mine", "local"));
  },
  async fail(task, taskService) {
    if (task.retries === null || task.retries > 1) {
      const told = { errorMessage: "no line", errorDetails: "where it was", retries: 1, retryTimeout: 0 };
      await taskService.handleFailure(task, told);
    } else {
      await taskService.complete(task, new Variables().set("left", task.retries));
    }
  },
  async refuse(task, taskService) {
    await taskService.handleBpmnError(task, "DECLINED", "too old", new Variables().set("card", 7));
  },
  async extend(task, taskService) {
    const until = new Date(task.lockExpirationTime);
    await taskService.extendLock(task, 600_000);
    tell("extended", { until });
  },
  async file(task, taskService) {
    const file = await task.variables.get("file").load();
    const text = file.content.toString("utf-8");
    const back = await new File({ localPath: new URL(import.meta.url).pathname, mimetype: "text/javascript" }).load();
    await taskService.complete(task, new Variables().set("read", text).set("script", back));
  },
};

client.subscribe("charge-card", async ({ task, taskService }) => {
  await wishes[task.variables.get("wish")](task, taskService);
  tell("did", { wish: task.variables.get("wish"), key: task.businessKey });
});
process.stdin.on("end", () => process.exit(0)).resume();
