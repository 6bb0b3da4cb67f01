// What a script finds in its global scope, and how its values come in and go out. Runs before the script, in a
// context of its own; gives a function that takes the next step: run, then finish. `javaWorld` is java.js.
((javaWorld) => (text) => {
  "use strict";
  const request = JSON.parse(text);
  const { defineProperty, getOwnPropertyNames, keys, create, getPrototypeOf, entries } = Object;
  const { isArray } = Array;
  const { stringify } = JSON;
  const indirectEval = eval;
  const TAG = "$";
  const about = request.about;
  const variables = new Map();
  const sent = new Map();
  const assigned = new Map();
  const local = new Map();
  const task = {};
  const dates = new WeakMap();
  const baseline = new Map();
  let printed = "";

  const hide = (target, members) => {
    for (const [name, value] of entries(members)) {
      defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
    }
    return target;
  };

  // --- time and chance ---

  const RealDate = Date;
  class FixedDate extends RealDate {
    constructor(...given) {
      super(...(given.length ? given : [request.now]));
    }
    static now() {
      return request.now;
    }
  }
  const fixedDate = new Proxy(FixedDate, { apply: () => new FixedDate().toString() });
  FixedDate.prototype.constructor = fixedDate;
  let [a, b, c, d] = request.seed;
  const random = () => {
    const sum = (a + b + d++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return (sum >>> 0) / 4294967296;
  };
  hide(globalThis, { Date: fixedDate });
  hide(Math, { random });
  for (const name of ["performance", "Atomics", "SharedArrayBuffer", "WeakRef", "FinalizationRegistry"]) {
    delete globalThis[name];
  }

  // --- values that come in ---

  const decode = (value) => {
    if (isArray(value)) return value.map(decode);
    if (value === null || typeof value !== "object") return value;
    return TAG in value ? readers[value[TAG]](value.v, value) : mapOf(entries(value));
  };
  const mapOf = (pairs) => {
    const map = create(mapPrototype);
    for (const [name, value] of pairs) {
      defineProperty(map, name, { value: decode(value), writable: true, configurable: true, enumerable: true });
    }
    return map;
  };
  const readers = {
    int: (digits) => BigInt(digits),
    float: (name) => Number(name),
    date: (milliseconds, { original }) => {
      const date = new FixedDate(milliseconds);
      dates.set(date, { milliseconds, original });
      return date;
    },
    bytes: (numbers) => Uint8Array.from(numbers),
    map: mapOf,
  };

  // --- values that go out ---

  let left = request.most;
  const encode = (value, depth = 0) => {
    if (--left < 0) throw new RangeError(`more than ${request.most} values`);
    if (value === undefined || value === null) return null;
    switch (typeof value) {
      case "string":
        return value.toWellFormed();
      case "boolean":
        return value;
      case "number":
        return Number.isFinite(value) ? value : { [TAG]: "float", v: String(value) };
      case "bigint":
        return { [TAG]: "int", v: String(value) };
      case "object":
        break;
      default:
        throw new TypeError(`a ${typeof value}`);
    }
    if (depth >= request.deepest) throw new RangeError(`values nested more than ${request.deepest} deep, or within themselves`);
    if (isArray(value)) return Array.from(value, (item) => encode(item, depth + 1));
    if (value instanceof RealDate) return encodeDate(value);
    if (value instanceof Number || value instanceof String || value instanceof Boolean) return encode(value.valueOf(), depth);
    if (value instanceof Set) return Array.from(value, (item) => encode(item, depth + 1));
    if (value instanceof Map) return encodeEntries(value, depth);
    if (value instanceof Uint8Array) return { [TAG]: "bytes", v: Array.from(value) };
    if (value instanceof Error || value instanceof RegExp || value instanceof Promise || ArrayBuffer.isView(value)) {
      throw new TypeError(`a ${value.constructor.name}`);
    }
    return encodeEntries(entries(value), depth);
  };
  const encodeEntries = (pairs, depth) => {
    const found = [];
    for (const [name, entry] of pairs) {
      if (typeof entry !== "function") found.push([String(name).toWellFormed(), encode(entry, depth + 1)]);
    }
    return { [TAG]: "map", v: found };
  };
  const encodeDate = (date) => {
    const milliseconds = date.getTime();
    if (Number.isNaN(milliseconds)) throw new TypeError("a Date that is no date");
    const known = dates.get(date);
    return { [TAG]: "date", v: milliseconds, original: known && known.milliseconds === milliseconds ? known.original : null };
  };

  const decapitalized = (name) => name[0].toLowerCase() + name.slice(1);
  const textOf = (value) => (value !== null && typeof value === "object" ? stringify(value) : String(value));

  // --- what the script can call ---

  const print = (...values) => {
    printed += values.map(textOf).join(" ") + "\n";
    if (printed.length > request.output) throw new RangeError(`The script printed more than its limit of ${request.output} characters.`);
  };
  class BpmnError extends Error {
    constructor(code, message) {
      super(message);
      if (typeof code !== "string" || !code) throw new TypeError("A BpmnError has a code, a text that is not empty");
      hide(this, { name: "BpmnError", errorCode: code, errorMessage: this.message });
    }
    getErrorCode() { return this.errorCode; }
    getMessage() { return this.errorMessage; }
  }
  const known = (name) => {
    if (typeof name !== "string") throw new TypeError("The name of a variable is a text.");
    return name;
  };
  const read = (name) => {
    known(name);
    if (local.has(name)) return local.get(name);
    if (assigned.has(name)) return assigned.get(name);
    return variables.has(name) ? variables.get(name) : null;
  };
  const write = (target) => (name, value) => {
    target.set(known(name), value === undefined ? null : value);
    defineProperty(globalThis, name, { value: target.get(name), writable: true, configurable: true, enumerable: true });
    baseline.set(name, target.get(name));
  };
  const writeAll = (one) => (values) => {
    for (const [name, value] of values instanceof Map ? values : entries(values)) one(name, value);
  };
  const isLocal = (name) => local.has(name) || about.local.includes(name);
  const every = () => Object.fromEntries([...variables, ...assigned, ...local]);
  const filtered = () => Object.fromEntries(entries(every()).filter(([name]) => isLocal(name)));
  const setVariable = write(assigned);
  const setVariableLocal = write(local);
  const scope = {
    getVariable: read,
    getVariableLocal: (name) => (isLocal(name) ? read(name) : null),
    getVariableTyped: (name) => ({ value: read(name), getValue: () => read(name) }),
    getVariables: () => every(),
    getVariablesLocal: () => filtered(),
    getVariableNames: () => keys(every()),
    getVariableNamesLocal: () => keys(filtered()),
    hasVariable: (name) => variables.has(name) || assigned.has(name) || local.has(name),
    hasVariableLocal: isLocal,
    hasVariables: () => keys(every()).length > 0,
    setVariable,
    setVariableLocal,
    setVariables: writeAll(setVariable),
    setVariablesLocal: writeAll(setVariableLocal),
    getEventName: () => about.event,
    getTenantId: () => null,
  };
  const withProperties = (target) => {
    for (const name of keys(target)) {
      if (/^get[A-Z]/.test(name) && target[name].length === 0) {
        defineProperty(target, decapitalized(name.slice(3)), { get: target[name], enumerable: false, configurable: true });
      }
    }
    return target;
  };
  // The engine's facts: processInstanceId, processBusinessKey, ... each by a method and as a property.
  for (const [name, fact] of entries(about.facts)) {
    scope[`get${name[0].toUpperCase()}${name.slice(1)}`] = () => fact;
  }
  const execution = withProperties({
    ...scope,
    getActivityInstanceId: () => about.activityInstanceId,
    getCurrentTransitionId: () => (about.event === "take" ? about.facts.currentActivityId : null),
  });
  const change = (name, value) => {
    if (!about.task.canChange) throw new TypeError(`A task's ${name} can be set by a listener to its creation only.`);
    task[name] = value;
  };
  const more = (name, values) => change(name, [...(task[name] || []), ...values]);
  const asked = (name) => (Object.hasOwn(task, name) ? task[name] : about.task[name]);
  const taskObject = about.task && withProperties({
    ...scope,
    getId: () => about.activityInstanceId,
    getExecutionId: () => about.facts.id,
    getExecution: () => execution,
    getName: () => about.facts.currentActivityName,
    getTaskDefinitionKey: () => about.facts.currentActivityId,
    getAssignee: () => asked("assignee"),
    setAssignee: (name) => change("assignee", name),
    getPriority: () => asked("priority"),
    setPriority: (priority) => change("priority", priority),
    getDueDate: () => asked("dueDate"),
    setDueDate: (date) => change("dueDate", date),
    getFollowUpDate: () => asked("followUpDate"),
    setFollowUpDate: (date) => change("followUpDate", date),
    addCandidateUser: (name) => more("candidateUsers", [name]),
    addCandidateUsers: (names) => more("candidateUsers", names),
    addCandidateGroup: (name) => more("candidateGroups", [name]),
    addCandidateGroups: (names) => more("candidateGroups", names),
  });
  const console = { log: print, info: print, warn: print, error: print, debug: print };
  const java = javaWorld({ hide, decapitalized, encode, decode, print, BpmnError, date: fixedDate, now: request.now });
  const mapPrototype = request.onJava ? java.prototypes() : Object.prototype;
  hide(globalThis, { print, console, BpmnError, execution, ...java.globals });
  if (taskObject) hide(globalThis, { task: taskObject });
  if (request.onJava) hide(globalThis, { S: java.spin });
  const builtIn = new Set(getOwnPropertyNames(globalThis));

  for (const name of keys(request.variables)) {
    const value = decode(request.variables[name]);
    variables.set(name, value);
    if (value !== null && typeof value === "object") sent.set(name, [value, stringify(encode(value))]);
    defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
    baseline.set(name, value);
    builtIn.delete(name);
  }
  left = request.most;

  // --- afterwards ---

  const NO_NAMES = new Set(["this", "null", "true", "false"]);
  let lookUp;
  const topLevel = () => {
    for (const name of new Set([...request.words, ...getOwnPropertyNames(globalThis)])) {
      if (builtIn.has(name) || NO_NAMES.has(name)) continue;
      let value;
      try {
        value = lookUp(name);
      } catch {
        continue;
      }
      if (typeof value === "function" || (value === undefined && !baseline.has(name))) continue;
      if (!baseline.has(name) || baseline.get(name) !== value) assigned.set(name, value);
    }
  };
  const inPlace = () => {
    for (const [name, [value, before]] of sent) {
      if (!assigned.has(name) && !local.has(name) && stringify(encode(value)) !== before) assigned.set(name, value);
    }
  };
  const named = (values) => {
    const found = [];
    for (const [name, value] of values) {
      try {
        found.push([name, encode(value)]);
      } catch (problem) {
        throw new TypeError(`The script assigns the variable '${name}', which cannot be kept: ${problem.message}. Assign plain values.`);
      }
    }
    return found;
  };
  const described = (problem) => {
    if (!(problem instanceof Error)) return { message: `The script threw ${textOf(problem)}`, stack: "" };
    return { message: `${problem.name}: ${problem.message}`, stack: String(problem.stack) };
  };
  const answer = () => {
    if (outcome.isPending) throw new TypeError("The script's promise is never kept: nothing here happens later");
    if (outcome.failure && !(outcome.failure.problem instanceof BpmnError)) return { failure: described(outcome.failure.problem) };
    if (!outcome.failure && request.keepsNames && !request.onJava) topLevel();
    inPlace();
    const told = { assigned: named(assigned), local: named(local), task: named(entries(task)), printed };
    if (outcome.failure) {
      const { errorCode, errorMessage } = outcome.failure.problem;
      return { ...told, error: { code: errorCode, message: errorMessage } };
    }
    try {
      return { ...told, value: encode(outcome.value) };
    } catch (problem) {
      return { ...told, value: null, unkept: problem.message };
    }
  };
  const outcome = {};
  const settled = (value) => {
    outcome.isPending = false;
    outcome.value = value;
  };
  const failed = (problem) => {
    outcome.isPending = false;
    outcome.failure = { problem };
  };
  const READER = "fermataReader";
  hide(globalThis, { [READER]: (read) => { lookUp = read; } });
  builtIn.add(READER);
  const steps = {
    // A declaration gives no value, so that the value of the text is that of its last statement.
    run() {
      try {
        const value = indirectEval(`${request.text}\nconst ${READER}Is = ${READER}((name) => eval(name));`);
        outcome.isPending = value instanceof Promise;
        outcome.isPending ? value.then(settled, failed) : settled(value);
      } catch (problem) {
        failed(problem);
      }
    },
    finish() {
      try {
        return stringify(answer());
      } catch (problem) {
        return stringify({ failure: described(problem) });
      }
    },
  };
  return (step) => steps[step]();
})
