/** Scenarios that wait for minutes and do little meanwhile: all side by side. */
import './gates.ts';
import './no-data.ts';
import './outages.ts';
import './reapplied.ts';
