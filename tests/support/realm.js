// Jest runs tests in a VM context with its own Error, so errors made by Node's core fail `instanceof Error` there
// and libraries such as p-retry misread them. This restores what production sees.
const ordinary = Function.prototype[Symbol.hasInstance];
Object.defineProperty(Error, Symbol.hasInstance, {
  value(candidate) {
    return ordinary.call(this, candidate) || (this === Error && Error.isError(candidate));
  },
});
