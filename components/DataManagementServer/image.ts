/** The user that `dhis2/core` 41 to 43 is built for, and who owns its home (build-docker-image.sh and jib.yaml of dhis2-core). */
export const IMAGE_USER = 65534;
