require("../toolchain/typescript.cjs");
require("./pack.ts");
