import { PolicyPack } from "@pulumi/policy";
import { POLICIES } from "./policies";

new PolicyPack("dhistance", { enforcementLevel: "mandatory", policies: POLICIES });
