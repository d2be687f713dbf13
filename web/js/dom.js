// Describes what the page should look like, and changes the document as little as that needs.
//
// `h` makes a description (plain objects), `patch` brings a node's children in line with descriptions. Text only ever
// becomes text nodes and attribute values: there is no way in here for markup, so names and bodies of strangers stay
// what they are. Nodes are kept over a patch, so focus, selection and what somebody is typing survive a refresh.

const SVG = "http://www.w3.org/2000/svg";
const KEPT = new WeakMap();

/** A description of an element: its tag, its properties, its children. `null` and `false` children are left out. */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: flat(children, []) };
}

/** A part with a life of its own: made once by `make(props)`, then told `update(props)`, at the end `destroy()`. */
export function widget(make, props, key) {
  return { make, props: { ...props, key } };
}

function flat(children, out) {
  for (const child of children) {
    if (child === null || child === undefined || child === false || child === true) continue;
    if (Array.isArray(child)) flat(child, out);
    else if (typeof child === "object") out.push(child);
    else out.push({ text: String(child) });
  }
  return out;
}

/** Brings the children of `node` in line with the descriptions. */
export function patch(node, ...children) {
  reconcile(node, flat(children, []), node.namespaceURI === SVG);
}

/** A node for one description, outside of any patch. */
export function create(description) {
  return make(description, false);
}

function kind(description) {
  return description.tag ?? description.make ?? "#text";
}

function same(node, description) {
  const kept = KEPT.get(node);
  return kept !== undefined && kept.kind === kind(description) && kept.key === description.props?.key;
}

function reconcile(parent, wanted, inSvg) {
  const keyed = new Map();
  for (const node of parent.childNodes) {
    const key = KEPT.get(node)?.key;
    if (key !== undefined) keyed.set(key, node);
  }
  let at = parent.firstChild;
  for (const description of wanted) {
    const key = description.props?.key;
    let node = key === undefined ? at : keyed.get(key);
    if (node && !same(node, description)) node = null;
    if (!node) {
      node = make(description, inSvg);
      parent.insertBefore(node, at);
      continue;
    }
    // A node that stands in the way and is wanted later stays; one that is not goes at the end.
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
    update(node, description, inSvg);
  }
  while (at) {
    const next = at.nextSibling;
    remove(at);
    at = next;
  }
}

function make(description, inSvg) {
  if (description.make) {
    const part = description.make(description.props);
    KEPT.set(part.node, { kind: description.make, key: description.props.key, part });
    return part.node;
  }
  if (description.tag === undefined) {
    const node = document.createTextNode(description.text);
    KEPT.set(node, { kind: "#text" });
    return node;
  }
  const svg = inSvg || description.tag === "svg";
  const node = svg ? document.createElementNS(SVG, description.tag) : document.createElement(description.tag);
  KEPT.set(node, { kind: description.tag, key: description.props.key, props: {} });
  reconcile(node, description.children, svg);
  setAll(node, {}, description.props);
  KEPT.get(node).props = description.props;
  description.props.ref?.(node);
  return node;
}

function update(node, description, inSvg) {
  const kept = KEPT.get(node);
  if (description.make) {
    kept.part.update?.(description.props);
  } else if (description.tag === undefined) {
    if (node.data !== description.text) node.data = description.text;
  } else {
    reconcile(node, description.children, inSvg || description.tag === "svg");
    setAll(node, kept.props, description.props);
    kept.props = description.props;
  }
}

function remove(node) {
  destroy(node);
  node.remove();
}

/** Tells every part below a node that it is over. */
export function destroy(node) {
  KEPT.get(node)?.part?.destroy?.();
  for (const child of node.childNodes) destroy(child);
}

const OURS = new Set(["key", "ref"]);
// What the person changes: set when the description changes, never because the document differs from it.
const LIVE = new Set(["value", "checked", "selected", "open", "indeterminate"]);

function setAll(node, before, after) {
  for (const name of Object.keys(before)) {
    if (!(name in after)) set(node, name, null);
  }
  for (const [name, value] of Object.entries(after)) {
    if (before[name] !== value) set(node, name, value, before[name]);
  }
}

function set(node, name, value, before) {
  if (OURS.has(name)) return;
  if (name.startsWith("on")) {
    // A property takes functions only; an attribute of this name would be code in a text.
    node[name] = typeof value === "function" ? value : null;
  } else if (name === "style") {
    for (const [property, text] of Object.entries(value ?? {})) {
      if (before?.[property] !== text) node.style.setProperty(property, text);
    }
  } else if (LIVE.has(name)) {
    node[name] = value ?? (name === "value" ? "" : false);
  } else if (value === null || value === undefined || value === false) {
    node.removeAttribute(name);
  } else {
    const text = value === true ? "" : String(value);
    // Addresses are the page's own, never a scheme that somebody could have put into a name.
    if (name === "href" && !/^(#|\.|\/(?!\/)|blob:|https:\/\/)/.test(text)) return;
    node.setAttribute(name, text);
  }
}
