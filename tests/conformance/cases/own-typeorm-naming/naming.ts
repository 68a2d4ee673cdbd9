import { DefaultNamingStrategy, NamingStrategyInterface, Table } from 'typeorm';
import { snakeCase } from 'typeorm/util/StringUtils';
const plural = (word: string) => `${word}s`;
export class HouseNaming extends DefaultNamingStrategy implements NamingStrategyInterface {
  tableName(className: string, customName?: string): string { return customName ? customName : plural(snakeCase(className)); }
  columnName(propertyName: string, customName: string, embeddedPrefixes: string[]): string {
    const name = customName || propertyName;
    return snakeCase(embeddedPrefixes.concat(name).join('_'));
  }
  joinColumnName(relationName: string, referencedColumnName: string) { return snakeCase(`${relationName}_${referencedColumnName}`); }
  joinTableName(first: string, second: string, firstProperty: string) { return `${first}__${snakeCase(firstProperty)}__${second}`; }
  joinTableColumnName(tableName: string, propertyName: string, columnName?: string) { return snakeCase(tableName) + '_' + (columnName ? columnName : propertyName); }
  foreignKeyName(tableOrName: Table | string, columnNames: string[]) { const t = typeof tableOrName === 'string' ? tableOrName : tableOrName.name; return 'fk_' + t + '_' + columnNames.join('_'); }
  indexName(tableOrName: Table | string, columns: string[], where?: string): string { return super.indexName(tableOrName, columns, where).toLowerCase(); }
}
