import type { ImageSettings } from "../../operations/docker/image";

/** Those of `dhis2/core` 41 to 43: built for user 65534, from Tomcat's image (build-docker-image.sh and jib.yaml of dhis2-core). */
export const DHIS2_IMAGE: ImageSettings = { user: 65534, command: ["catalina.sh", "run"] };
