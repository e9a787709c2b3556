require("../tools/toolchain/typescript.cjs");
require("./pack.ts");
