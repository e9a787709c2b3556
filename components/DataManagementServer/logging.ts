/** DHIS2's home, on every target. */
export const HOME = "/opt/dhis2";
/** Where it writes its logs. */
export const LOGS = `${HOME}/logs`;
/** Where it finds the settings of its logging. */
export const LOGGING_FILE = `${HOME}/log4j2.xml`;
/** For `JAVA_TOOL_OPTIONS`: without it DHIS2 makes its own settings (Log4JLogConfigInitializer of dhis2-core). */
export const LOGGING_OPTION = `-Dlog4j2.configurationFile=${LOGGING_FILE}`;

/**
 * Settings of DHIS2's logging. What DHIS2 sets by itself in versions 41 to 43 keeps a file of the audit for each day for
 * good, not compressed: 315 GB in one place (dhis2-core pull request 24188). Here the file is limited to 2 GB, some 20 GB
 * before compression; the database has all of it. Everything else goes to standard output, as in the log4j2.xml of DHIS2,
 * where the levels are from.
 */
export const LOGGING = `<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="console" target="SYSTEM_OUT">
      <PatternLayout pattern="* %-5p %d{ISO8601} %m (%F [%t])%n"/>
    </Console>
    <RollingFile name="audit" fileName="${LOGS}/dhis-audit.log" filePattern="${LOGS}/dhis-audit.%d{yyyy-MM-dd}.%i.log.gz">
      <PatternLayout pattern="* %-5p %d{ISO8601} %m (%F [%t])%n"/>
      <Policies>
        <TimeBasedTriggeringPolicy/>
        <SizeBasedTriggeringPolicy size="100 MB"/>
      </Policies>
      <DefaultRolloverStrategy fileIndex="nomax">
        <Delete basePath="${LOGS}">
          <IfFileName glob="dhis-audit*.gz">
            <IfAccumulatedFileSize exceeds="2 GB"/>
          </IfFileName>
        </Delete>
      </DefaultRolloverStrategy>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Logger name="org.hisp.dhis" level="INFO"/>
    <Logger name="org.hisp.dhis.audit" level="INFO" additivity="false">
      <AppenderRef ref="audit"/>
    </Logger>
    <Logger name="org.hisp.dhis.webapi.mvc" level="WARN"/>
    <Logger name="org.hibernate" level="ERROR"/>
    <Logger name="org.apache.activemq" level="ERROR"/>
    <Logger name="org.springframework.web.servlet.view.ContentNegotiatingViewResolver" level="ERROR"/>
    <Root level="WARN">
      <AppenderRef ref="console"/>
    </Root>
  </Loggers>
</Configuration>
`;
