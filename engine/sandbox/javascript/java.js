// What scripts that were written for a Java engine expect: some of Java's classes, and lists, maps and texts with
// Java's methods. Evaluated together with facade.js, which hands it what it needs.
((kit) => {
  "use strict";
  const { hide, decapitalized, encode, decode, print, BpmnError, date, now } = kit;
  const { create, keys } = Object;
  const { isArray } = Array;
  const { stringify } = JSON;

  const same = (one, other) => one === other || stringify(encode(one)) === stringify(encode(other));
  const mapMethods = {
    get(key) { return this[key] === undefined ? null : this[key]; },
    put(key, value) { const before = this[key]; this[key] = value; return before === undefined ? null : before; },
    containsKey(key) { return Object.hasOwn(this, key); },
    containsValue(value) { return Object.values(this).some((each) => same(each, value)); },
    remove(key) { const before = this[key]; delete this[key]; return before === undefined ? null : before; },
    keySet() { return keys(this); },
    values() { return Object.values(this); },
    size() { return keys(this).length; },
    isEmpty() { return keys(this).length === 0; },
    prop(name, value) {
      if (arguments.length > 1) { this[name] = value; return this; }
      if (!Object.hasOwn(this, name)) throw new ReferenceError(`No property '${name}'. There are: ${keys(this).join(", ")}.`);
      return this[name];
    },
    hasProp(name) { return Object.hasOwn(this, name); },
    fieldNames() { return keys(this); },
    toString() { return stringify(this); },
  };
  const listMethods = {
    get(at) {
      if (!(at in this)) throw new RangeError(`get(${at}) lies outside a list of ${this.length} items.`);
      return this[at];
    },
    size() { return this.length; },
    isEmpty() { return this.length === 0; },
    contains(value) { return this.some((each) => same(each, value)); },
    add(...given) { given.length > 1 ? this.splice(given[0], 0, given[1]) : this.push(given[0]); return true; },
    addAll(values) { this.push(...values); return true; },
    elements() { return this; },
  };
  const textMethods = {
    equals(other) { return String(this) === other; },
    equalsIgnoreCase(other) { return typeof other === "string" && this.toLowerCase() === other.toLowerCase(); },
    contains(part) { return this.includes(part); },
    isEmpty() { return this.length === 0; },
  };
  const valueMethods = {
    value() { return this.valueOf(); },
    stringValue() { return String(this); },
    numberValue() { return Number(this); },
    boolValue() { return this.valueOf() === true; },
  };
  const beanMethod = (name) => {
    const [, verb, property] = /^(get|is|set)([A-Z].*)$/.exec(name) || [];
    if (!verb) return undefined;
    const field = decapitalized(property);
    if (verb === "set") return function (value) { this[field] = value; };
    return function () { return this[field] === undefined ? null : this[field]; };
  };
  const mapPrototype = new Proxy(create(Object.prototype), {
    get(target, name) {
      if (typeof name !== "string") return Reflect.get(Object.prototype, name);
      return Object.hasOwn(mapMethods, name) ? mapMethods[name] : Object.prototype[name] || beanMethod(name);
    },
    has: () => false,
  });
  // Gives lists, texts and numbers their methods; the prototype for maps that have theirs.
  const prototypes = () => {
    hide(Array.prototype, listMethods);
    hide(String.prototype, textMethods);
    for (const type of [String, Number, Boolean]) hide(type.prototype, valueMethods);
    return mapPrototype;
  };

  const typed = (value) => {
    const builder = { serializationDataFormat: () => builder, setTransient: () => builder, create: () => value };
    return builder;
  };
  const typedValue = (value) => value;
  const Variables = {
    objectValue: typed,
    SerializationDataFormats: { JSON: "application/json", JAVA: "java", XML: "application/xml" },
    createVariables: () => hide({}, { putValue(name, value) { this[name] = value; return this; } }),
  };
  for (const type of ["string", "boolean", "integer", "long", "short", "double", "date", "bytes", "untyped", "number"]) {
    Variables[`${type}Value`] = typedValue;
  }
  const out = { println: print, print };
  class ArrayList extends Array {
    constructor(items) {
      super();
      if (isArray(items)) this.push(...items);
    }
    static get [Symbol.species]() { return Array; }
  }
  hide(ArrayList.prototype, listMethods);
  function HashMap(items) { return Object.assign(create(mapPrototype), items); }
  const java = {
    lang: { System: { out, err: out, currentTimeMillis: () => now } },
    util: {
      Date: date,
      ArrayList,
      HashMap,
      LinkedHashMap: HashMap,
      Arrays: { asList: (...items) => (items.length === 1 && isArray(items[0]) ? [...items[0]] : items) },
    },
  };
  const org = { camunda: { bpm: { engine: { delegate: { BpmnError }, variable: { Variables } } } } };
  const Java = {
    type(name) {
      const found = String(name).split(".").reduce((from, part) => (from && Object.hasOwn(from, part) ? from[part] : undefined), { java, org });
      if (found === undefined) throw new TypeError(`Java's '${name}' does not exist here. Move this to a service task with a handler.`);
      return found;
    },
    from: (list) => Array.from(list),
    to: (list) => list,
  };
  const spin = (value) => decode(encode(typeof value === "string" ? JSON.parse(value) : value));
  return { prototypes, spin, globals: { java, org, Java } };
})
